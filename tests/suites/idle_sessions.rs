//! An idle session is data.

use std::time::Duration;

use mcp_pool_testkit::ScriptedServer;
use mcp_session_pool::{PoolConfig, SessionPool, StreamableHttpConnector, reqwest};

use crate::{
    common::{call, close, eventually},
    over::Over,
    task_counts::settled,
};

/// A pool whose HTTP client closes idle connections soon.
fn pool() -> SessionPool {
    let http = reqwest::Client::builder().pool_idle_timeout(Duration::from_millis(100));
    let connector = StreamableHttpConnector::from_builder(http).expect("an http client");
    let builder = SessionPool::builder()
        .config(PoolConfig::default())
        .connector(connector);
    builder.build().expect("a pool")
}

/// Opens a session for each of these users, and makes a call on it.
async fn open(
    pool: &SessionPool,
    server: &ScriptedServer,
    over: Over,
    users: std::ops::Range<u32>,
) {
    let calls = users.map(|user| async move {
        let request = over.request(server, &format!("user-{user}"));
        let client = pool.client(request).await.expect("a client");
        call(&client, "count").await.expect("a count");
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn an_idle_session_without_a_stream_has_no_task_and_no_socket() {
    for over in [Over::LegacyHttp, Over::StatelessHttp] {
        let server = ScriptedServer::start_without_streams(|exchange| async move {
            exchange.answer_plainly().await;
        });
        let pool = pool();
        let mut counts = Vec::new();
        for users in [0..10, 10..300] {
            open(&pool, &server, over, users).await;
            eventually("idle connections are closed", || server.connections() == 0).await;
            counts.push(settled(&server).await);
        }
        assert_eq!(pool.stats().total_sessions, 300, "{over:?}");
        assert_eq!(
            counts[0], counts[1],
            "{over:?}: 290 sessions more have no task"
        );
        close(&pool).await;
    }
}
