//! Answers that are larger than a connector accepts.

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
