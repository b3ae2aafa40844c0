//! Over HTTP+SSE a session ends with its stream, and the pool and its callers learn it at once.

use std::time::Duration;

use http::StatusCode;
use mcp_pool_testkit::server::{CounterServer, HostileSse, Mischief, Modes, Refusal};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Principal, SessionPool, SseConnector,
    error::{AcquireError, CallError, FaultKind, Outcome},
};
use tokio::time::{Instant, timeout};

use crate::common::{call, client, close, eventually, headers, pool_over, request};

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().over_sse())
}

fn connector() -> SseConnector {
    SseConnector::new().expect("an http client")
}

fn pool(config: PoolConfig) -> SessionPool {
    pool_over(connector(), config)
}

/// A configuration in which only the end of the stream ends a call within the time of a test.
fn long_calls() -> PoolConfig {
    PoolConfig::default().with_call_timeout(LONG * 10)
}

#[tokio::test]
async fn a_session_leaves_the_pool_as_soon_as_its_stream_ends() {
    let mut server = server();
    let pool = pool(long_calls());
    let alice = request(server.endpoint(), "alice");
    drop(pool.acquire(&alice).await.expect("a session"));
    assert_eq!(pool.stats().total_sessions, 1);
    server.stop();
    eventually("the pool knows", || pool.stats().total_sessions == 0).await;
    server.restart();
    let alice = client(&pool, &server, "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), 1);
    close(&pool).await;
}

#[tokio::test]
async fn calls_under_way_end_at_once_with_an_unknown_outcome_when_the_stream_ends() {
    let mut server = server();
    server.switches().delay_tools(LONG * 10);
    let pool = pool(long_calls());
    let clients = [
        client(&pool, &server, "alice").await,
        client(&pool, &server, "bob").await,
    ];
    let calls = clients.iter().map(|client| call(client, "wait"));
    let calls = futures::future::join_all(calls);
    let stops = async {
        eventually("both calls are there", || server.count("tools/call") == 2).await;
        // The responses to the messages have been sent; only the answers are missing.
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.stop();
        Instant::now()
    };
    let (answers, stopped) = timeout(LONG, async { tokio::join!(calls, stops) })
        .await
        .expect("the calls end");
    assert!(stopped.elapsed() < LONG / 2, "{:?}", stopped.elapsed());
    for answer in answers {
        let error = answer.expect_err("no answer");
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert!(matches!(error, CallError::OutcomeUnknown(_)), "{error}");
    }
    assert_eq!(pool.stats().total_sessions, 0);
}

#[tokio::test]
async fn a_stream_that_ends_cleanly_is_a_lost_session_too() {
    let server = HostileSse::start(Mischief::Ends(""));
    let pool = pool(long_calls());
    let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
    let alice = pool.client(request).await.expect("a client");
    let called = timeout(LONG, call(&alice, "increment")).await;
    let error = called.expect("the call ends").expect_err("no answer");
    assert_eq!(error.outcome(), Outcome::Unknown);
    let failure = error.failure().expect("a failure of the transport");
    assert_eq!(failure.kind(), &FaultKind::SessionGone);
    eventually("the pool knows", || pool.stats().total_sessions == 0).await;
}

#[tokio::test]
async fn a_rotated_token_is_used_by_the_next_message_on_the_same_stream() {
    let server = server();
    let pool = pool(long_calls().with_identity_headers(vec!["x-user-id".parse().expect("a name")]));
    for (count, token) in ["Bearer first", "Bearer second", "Bearer third"]
        .into_iter()
        .enumerate()
    {
        let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"))
            .with_headers(headers(&[("authorization", token), ("x-user-id", "alice")]));
        let alice = pool.client(request).await.expect("a client");
        let seen = call(&alice, "increment").await.expect("a count");
        assert_eq!(seen, count as u64 + 1, "it is the same session");
        let last = server.seen().pop().expect("a request");
        assert_eq!(last.headers["authorization"], token);
    }
    assert_eq!(server.count("GET"), 1, "one stream");
    close(&pool).await;
    eventually("it is closed", || server.open_sessions().is_empty()).await;
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_replaced_and_the_call_repeated() {
    let server = server();
    let pool = pool(long_calls());
    let alice = client(&pool, &server, "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), 1);
    server.forget_sessions();
    assert_eq!(call(&alice, "increment").await.expect("a count"), 1);
    assert_eq!(server.count("GET"), 2);
    close(&pool).await;
}

#[tokio::test]
async fn a_foreign_endpoint_is_refused_and_gets_nothing() {
    let other = server();
    let foreign = other.url();
    let server = HostileSse::start(Mischief::Announces(foreign));
    let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(2));
    let alice = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
    for _ in 0..3 {
        let error = pool.acquire(&alice).await.expect_err("a refusal");
        let AcquireError::Connect(error) = &error else {
            panic!("{error}");
        };
        assert_eq!(error.kind(), &FaultKind::Protocol);
    }
    // The server answered, so it is there.
    assert_eq!(pool.stats().circuit_breaker_trips, 0);
    assert!(other.seen().is_empty(), "nothing was sent there");
}

#[tokio::test]
async fn a_refused_message_does_not_end_the_session() {
    let server = server();
    let pool = pool(long_calls());
    let alice = client(&pool, &server, "alice").await;
    call(&alice, "increment").await.expect("a count");
    for (status, outcome) in [
        (StatusCode::SERVICE_UNAVAILABLE, Outcome::Unknown),
        (StatusCode::TOO_MANY_REQUESTS, Outcome::Unknown),
        (StatusCode::FORBIDDEN, Outcome::Unknown),
        (StatusCode::URI_TOO_LONG, Outcome::NotExecuted),
    ] {
        server
            .switches()
            .refuse(Refusal::new(status).of("tools/call"));
        let error = call(&alice, "increment").await.expect_err("a refusal");
        assert_eq!(error.outcome(), outcome, "{status}");
    }
    server.switches().serve();
    assert_eq!(call(&alice, "increment").await.expect("a count"), 2);
    assert_eq!(server.count("GET"), 1, "the session goes on");
    close(&pool).await;
}

/// Longer than any step of these tests takes.
const LONG: Duration = Duration::from_secs(60);
