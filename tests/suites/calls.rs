//! The outcome of a failed call, and of its session.

use std::{future::pending, time::Duration};

use http::{StatusCode, header};
use mcp_pool_testkit::{
    fake::{self, Behaviour, FakeConnector},
    server::{CounterServer, Modes, Refusal, UnknownSession},
};
use mcp_session_pool::{
    Endpoint, PoolConfig, Scope, TransportKind,
    error::{CallError, ConnectError, FaultKind, Outcome},
    extend::{ConnectRequest, Connector, EndpointProbe, Session},
    rmcp::model::{CallToolRequestParams, ErrorCode},
};
use tokio::time::Instant;

use crate::common::{call, client, close, notice_the_cut, pool, pool_over, request};

#[tokio::test]
async fn a_call_whose_session_is_gone_is_repeated_once_on_a_fresh_one() {
    for refusal in [UnknownSession::NotFound, UnknownSession::NamelessError] {
        let server = CounterServer::start();
        server.switches().answer_unknown_sessions(refusal);
        let pool = pool(PoolConfig::default());
        let client = client(&pool, &server, "alice").await;
        assert_eq!(call(&client, "increment").await.expect("a count"), 1);
        server.forget_sessions();
        assert_eq!(call(&client, "increment").await.expect("a count"), 1);
        assert_eq!(call(&client, "increment").await.expect("a count"), 2);
        assert_eq!(server.count("initialize"), 2, "{refusal:?}");
        // The first call, the refused one, its repetition and the last one.
        assert_eq!(server.count("tools/call"), 4, "{refusal:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_restarted_server_costs_one_new_session_and_no_call() {
    let mut server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    call(&client, "increment").await.expect("a count");
    server.restart();
    notice_the_cut().await;
    assert_eq!(call(&client, "increment").await.expect("a count"), 1);
    close(&pool).await;
    server.expect_no_session().await;
}

#[tokio::test]
async fn a_conversation_learns_that_its_session_is_lost() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let request = request(server.endpoint(), "alice").with_scope(Scope::conversation("c"));
    let client = pool.client(request).await.expect("a client");
    call(&client, "increment").await.expect("a count");
    server.forget_sessions();
    let error = call(&client, "increment").await.expect_err("a loss");
    assert!(matches!(error, CallError::SessionLost), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(server.count("tools/call"), 2, "not repeated");
    assert_eq!(call(&client, "increment").await.expect("a new session"), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_call_with_an_unknown_outcome_is_never_sent_twice() {
    for modes in [Modes::default(), Modes::default().with_json()] {
        let server = CounterServer::start_as(modes);
        let pool = pool(PoolConfig::default());
        let client = client(&pool, &server, "alice").await;
        call(&client, "increment").await.expect("a count");
        server.switches().lose_reply("tools/call");
        let error = call(&client, "increment").await.expect_err("a lost reply");
        assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
        assert_eq!(server.count("tools/call"), 2, "{modes:?}");
        close(&pool).await;
        server.expect_no_session().await;
    }
}

#[tokio::test]
async fn a_call_to_a_stopped_server_fails_at_once_and_its_session_is_not_reused() {
    let mut server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    call(&client, "increment").await.expect("a count");
    server.stop();
    notice_the_cut().await;
    let error = call(&client, "increment").await.expect_err("no server");
    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error:?}");
    assert!(error.is_unavailable(), "{error:?}");
    server.restart();
    assert_eq!(call(&client, "increment").await.expect("a count"), 1);
    assert_eq!(pool.stats().sessions_opened, 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_ends_by_its_deadline_and_its_session_is_checked() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_call_timeout(Duration::from_secs(2));
    let pool = pool_over(connector, config);
    let client = pool.client(request(fake::endpoint("a"), "alice"));
    let client = client.await.expect("a client");
    remote.on_call(Behaviour::Never);
    let began = Instant::now();
    let error = call(&client, "count").await.expect_err("too late");
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert_eq!(error.outcome(), Outcome::Unknown);
    remote.on_call(Behaviour::Ok);
    call(&client, "count").await.expect("a count");
    assert_eq!((remote.checks(), remote.connects()), (1, 1));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_while_its_check_succeeds_is_not_handed_out() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_call_timeout(Duration::from_secs(2));
    let pool = pool_over(connector, config);
    let client = pool.client(request(fake::endpoint("a"), "alice"));
    let client = client.await.expect("a client");
    remote.on_call(Behaviour::Never);
    call(&client, "count").await.expect_err("too late");
    remote.on_call(Behaviour::Ok);
    remote.on_check(Behaviour::Never);
    let end = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        remote.end_sessions();
        remote.on_check(Behaviour::Ok);
    };
    let (lease, ()) = tokio::join!(client.acquire(), end);
    let lease = lease.expect("a lease");
    assert_eq!(remote.connects(), 2);
    drop(lease);
    close(&pool).await;
}

#[tokio::test]
async fn an_answer_with_an_error_keeps_the_session() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    let unknown = client
        .call_tool(CallToolRequestParams::new("nothing"))
        .await;
    let Err(CallError::Rpc(error)) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
    assert_eq!(call(&client, "increment").await.expect("a count"), 1);
    assert_eq!(pool.stats().sessions_opened, 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_refusal_of_a_call_is_typed_and_keeps_the_session() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    call(&client, "increment").await.expect("a count");
    const PLAIN: &str = "Bearer scope=\"a b\"";
    const SCOPE: &str = "Bearer error=\"insufficient_scope\", scope=\"a b\"";
    let (proven, open) = (Outcome::NotExecuted, Outcome::Unknown);
    for (status, challenge, kind, outcome) in [
        (StatusCode::UNAUTHORIZED, PLAIN, "unauthorized", proven),
        (StatusCode::FORBIDDEN, SCOPE, "forbidden", proven),
        (StatusCode::FORBIDDEN, PLAIN, "forbidden", open),
        (StatusCode::TOO_MANY_REQUESTS, PLAIN, "rate_limited", open),
    ] {
        let refusal = Refusal::new(status)
            .of("tools/call")
            .with_header(header::WWW_AUTHENTICATE, challenge);
        server.switches().refuse(refusal);
        let error = call(&client, "increment").await.expect_err("a refusal");
        let failure = error.failure().expect("a failure");
        assert_eq!(failure.kind().label(), kind);
        assert_eq!(failure.outcome(), outcome, "{status} {challenge}");
        if let FaultKind::Unauthorized(challenge) | FaultKind::Forbidden(challenge) = failure.kind()
        {
            assert_eq!(challenge.scopes().collect::<Vec<_>>(), ["a", "b"]);
        }
    }
    server.switches().serve();
    assert_eq!(call(&client, "increment").await.expect("a count"), 2);
    assert_eq!(pool.stats().circuit_breaker_trips, 0);
    close(&pool).await;
}

#[tokio::test]
async fn a_server_without_sessions_is_pooled_too() {
    let server = CounterServer::start_as(Modes::default().without_sessions().with_json());
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    for _ in 0..3 {
        call(&client, "increment").await.expect("a count");
    }
    assert_eq!((server.count("initialize"), server.count("GET")), (1, 0));
    close(&pool).await;
    assert_eq!(server.count("DELETE"), 0, "there is nothing to be deleted");
}

#[tokio::test]
async fn a_session_whose_handlers_need_no_messages_opens_no_stream() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    client.list_all_tools().await.expect("tools");
    close(&pool).await;
    assert_eq!(server.count("GET"), 0);
    assert_eq!(server.count("DELETE"), 1);
}

/// A connector of servers that are silent when they are probed.
struct Unprobed(FakeConnector);

#[async_trait::async_trait]
impl Connector for Unprobed {
    fn kind(&self) -> TransportKind {
        self.0.kind()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        self.0.connect(request).await
    }

    fn probe(&self, _: &Endpoint) -> Option<EndpointProbe> {
        Some(Box::pin(pending()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_endpoint_to_be_probed_ends_by_its_deadline() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_circuit_breaker_threshold(1);
    let pool = pool_over(Unprobed(connector), config);
    let request = request(fake::endpoint("a"), "alice");
    let client = pool.client(request).await.expect("a client");
    call(&client, "increment").await.expect("a count");
    remote.on_delivery(Behaviour::Fail(FaultKind::Unreachable));
    let brief = client.with_timeout(Duration::from_millis(20));
    let began = Instant::now();
    let error = call(&brief, "increment").await.expect_err("no server");
    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error:?}");
    let took = began.elapsed();
    assert!(took <= Duration::from_millis(21), "{took:?}");
    close(&pool).await;
}
