//! Durations of any size are safe, in settings and in requests.

use std::time::Duration;

use mcp_pool_testkit::ScriptedServer;
use mcp_session_pool::PoolConfig;

use crate::{
    common::call,
    over::{Over, builder},
};

/// Every duration of the settings is the largest there is.
fn endless() -> PoolConfig {
    PoolConfig::default()
        .with_acquire_timeout(Duration::MAX)
        .with_call_timeout(Duration::MAX)
        .with_circuit_breaker_patience(Duration::MAX)
        .with_circuit_breaker_reset(Duration::MAX)
        .with_close_timeout(Duration::MAX)
        .with_detected_transport_ttl(Duration::MAX)
        .with_health_check_interval(Duration::MAX)
        .with_health_check_timeout(Duration::MAX)
        .with_idle_pool_eviction(Duration::MAX)
        .with_keepalive_interval(Duration::MAX)
        .with_lease_overdue_after(Duration::MAX)
        .with_session_create_timeout(Duration::MAX)
        .with_session_ttl(Duration::MAX)
        .with_shed_delay_target(Duration::MAX)
        .with_tool_list_ttl(Duration::MAX)
        .with_max_sessions_per_key(1)
}

#[tokio::test]
async fn calls_end_under_the_longest_settings_and_the_longest_deadlines() {
    for over in Over::ALL {
        let server = ScriptedServer::start(async |exchange| {
            exchange.answer_plainly().await;
        });
        let pool = builder(endless()).build().expect("settings of any length");
        let request = over.request(&server, "alice").with_timeout(Duration::MAX);
        let client = pool.client(request.clone()).await.expect("a client");
        let client = client.with_timeout(Duration::MAX);
        call(&client, "count").await.expect("a count");
        let held = pool.acquire(&request).await.expect("a session");
        let wait = async { drop(pool.acquire(&request).await.expect("a turn")) };
        let release = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            drop(held);
        };
        tokio::join!(wait, release);
        call(&client, "count").await.expect("a count");
        let report = pool.close(Duration::MAX).await;
        assert!(report.complete, "{over:?}: {report:?}");
    }
}
