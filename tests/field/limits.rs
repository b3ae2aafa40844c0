//! Answers that are larger than a connector accepts.

use std::time::Duration;

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    Endpoint, PoolConfig, SessionPool, SseConnector, StreamableHttpConnector,
    config::Lifecycle,
    error::{FaultKind, Outcome, Retry},
};

use crate::setup::{call, client, close};

const LIMIT: usize = 10_000;

/// A server with a tool whose answer is too large as an event, and one whose answer is so as a body.
async fn large_answers(exchange: Exchange) {
    let text = "x".repeat(2 * LIMIT);
    let result = format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#);
    match exchange.tool() {
        "event" => exchange.answer(&result).await,
        "hidden" => exchange.send(&hidden(&exchange)).await,
        "notified" => {
            let log = r#""method":"notifications/message","params":{"level":"info","data""#;
            let notification = format!(r#"{{"jsonrpc":"2.0",{log}:"{text}"}}}}"#);
            exchange.send(&notification).await && exchange.answer_plainly().await
        }
        "never" => true,
        "body" => {
            let body = exchange.result(&result);
            exchange.respond(Some("application/json"), body).await
        }
        _ => exchange.answer_plainly().await,
    };
}

fn small_pool() -> SessionPool {
    let http = StreamableHttpConnector::new().expect("an http client");
    let sse = SseConnector::new().expect("an http client");
    let builder = SessionPool::builder().config(PoolConfig::default());
    let builder = builder.connector(http.with_max_body_size(LIMIT).with_max_event_size(LIMIT));
    let builder = builder.connector(sse.with_max_body_size(LIMIT).with_max_event_size(LIMIT));
    builder.build().expect("a pool")
}

/// Calls the tool more often than failures of an endpoint open its circuit.
async fn check(server: &ScriptedServer, endpoint: Endpoint, tool: &'static str) {
    let opened = server.sessions_opened();
    let pool = small_pool();
    let alice = client(&pool, endpoint, "alice").await;
    for _ in 0..10 {
        let error = call(&alice, tool).await.expect_err("too large");
        let failure = error.failure().expect("a failure");
        assert_eq!(failure.kind(), &FaultKind::TooLarge { limit: LIMIT });
        assert_eq!(failure.kind().retry(), Retry::Never);
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(error.label(), "too_large");
        assert!(error.to_string().contains("10000"), "{error}");
        assert!(failure.is_session_usable());
    }
    assert_eq!(call(&alice, "count").await.expect("an answer"), "1");
    assert!(server.sessions_opened() <= opened + 1, "the session stays");
    assert_eq!(pool.stats().circuit_breaker_trips, 0);
    close(&pool).await;
}

#[tokio::test]
async fn an_answer_over_the_limit_ends_its_call_and_nothing_else() {
    let server = ScriptedServer::start(large_answers);
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Stateless] {
        for tool in ["event", "body"] {
            check(&server, server.endpoint(lifecycle), tool).await;
        }
    }
    check(&server, server.sse_endpoint(), "event").await;
}

/// An answer that is too large, whose id is in the middle, where nothing is kept of it.
fn hidden(exchange: &Exchange) -> String {
    let (id, text) = (exchange.id(), "x".repeat(LIMIT));
    format!(r#"{{"result":{{"content":[],"a":"{text}"}},"id":{id},"b":"{text}"}}"#)
}

#[tokio::test]
async fn an_answer_over_sse_that_is_too_large_and_shows_no_id_ends_the_only_open_call() {
    let server = ScriptedServer::start(large_answers);
    check(&server, server.sse_endpoint(), "hidden").await;
}

#[tokio::test]
async fn an_answer_over_sse_that_is_too_large_and_shows_no_id_ends_none_of_several_calls() {
    let server = ScriptedServer::start(large_answers);
    let pool = small_pool();
    let slots = 2.try_into().expect("not zero");
    let endpoint = server.sse_endpoint().with_max_concurrent_per_session(slots);
    let alice = client(&pool, endpoint, "alice").await;
    call(&alice, "count").await.expect("an answer");
    let alice = alice.with_timeout(Duration::from_millis(300));
    let (never, hidden) = tokio::join!(call(&alice, "never"), call(&alice, "hidden"));
    for result in [never, hidden] {
        assert_eq!(result.expect_err("no answer").label(), "timeout");
    }
    assert_eq!(server.sessions_opened(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_notification_over_sse_that_is_too_large_ends_no_call() {
    let server = ScriptedServer::start(large_answers);
    let pool = small_pool();
    let alice = client(&pool, server.sse_endpoint(), "alice").await;
    assert_eq!(call(&alice, "notified").await.expect("an answer"), "1");
    close(&pool).await;
}
