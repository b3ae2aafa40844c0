//! What an operator looks at shows no secret.

use std::{num::NonZeroU32, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{Request, StatusCode};
use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    AcquireRequest, PoolConfig, SessionPool, StreamableHttpConnector,
    admin::{Admin, Recorder},
};

use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::{common::close, eventually, request, shown::Shown};

/// Shows a key with a session in use and a caller that waits, and every answer of the live page.
pub(crate) async fn show(shown: &Shown, server: &CounterServer) {
    let recorder = Recorder::new();
    shown.show(&recorder);
    let pool = SessionPool::builder()
        .config(one_call_at_a_time())
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .observer(recorder.clone())
        .build()
        .expect("a pool");
    let admin = Admin::new(&pool, &recorder);
    shown.show(&admin);
    let router = admin.sample_every(Duration::from_millis(10)).router();
    let request = request(server);
    let lease = pool.acquire(&request).await.expect("a session");
    let waiter = wait(&pool, &request).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let key = pool.resolve_key(&request).await.expect("a key");
    let details = pool.key_details(key.fingerprint()).expect("a key");
    shown.show(&details);
    shown.add(&serde_json::to_string(&details).expect("json"));
    shown.show(&details.sessions[0]);
    shown.show(&details.waiters[0]);
    for path in [
        "/pool",
        "/pool/stats.json",
        "/pool/history.json",
        "/pool/keys.json",
        &format!("/pool/keys/{}", key.fingerprint()),
    ] {
        let text = text(&router, path).await;
        shown.add(&text);
    }
    drop(lease);
    waiter.await.expect("no panic");
    close(&pool).await;
}

fn one_call_at_a_time() -> PoolConfig {
    PoolConfig::default()
        .with_max_sessions_per_key(1)
        .with_max_concurrent_per_conversation(NonZeroU32::MIN)
        .with_max_concurrent_per_stateless_session(NonZeroU32::MIN)
}

/// Has a caller wait.
async fn wait(pool: &SessionPool, request: &AcquireRequest) -> JoinHandle<()> {
    let (pool, request) = (pool.clone(), request.clone());
    let waiting = pool.clone();
    let waiter = tokio::spawn(async move {
        drop(pool.acquire(&request).await.expect("a session"));
    });
    let is_waiting = || waiting.endpoint_stats().iter().any(|row| row.waiting > 0);
    eventually("a caller waits", is_waiting).await;
    waiter
}

/// What the router answers.
async fn text(router: &Router, path: &str) -> String {
    let request = Request::get(path).header("host", "localhost");
    let request = request.body(Body::empty()).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("infallible");
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let body = to_bytes(answer.into_body(), usize::MAX)
        .await
        .expect("a body");
    String::from_utf8(body.into()).expect("text")
}
