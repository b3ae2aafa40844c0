//! What an operator looks at shows no secret.

use std::num::NonZeroU32;

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{AcquireRequest, PoolConfig, SessionPool, StreamableHttpConnector};

use tokio::task::JoinHandle;

use crate::{common::close, eventually, request, shown::Shown};

/// Shows a key with a session in use and a caller that waits.
pub(crate) async fn show(shown: &Shown, server: &CounterServer) {
    let pool = SessionPool::builder()
        .config(one_call_at_a_time())
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .build()
        .expect("a pool");
    let request = request(server);
    let lease = pool.acquire(&request).await.expect("a session");
    let waiter = wait(&pool, &request).await;
    let key = pool.resolve_key(&request).await.expect("a key");
    let details = pool.key_details(key.fingerprint()).expect("a key");
    shown.show(&details);
    shown.add(&serde_json::to_string(&details).expect("json"));
    shown.show(&details.sessions[0]);
    shown.show(&details.waiters[0]);
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
