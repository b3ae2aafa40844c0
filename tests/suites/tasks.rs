//! No task outlives a pool.

use std::time::Duration;

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{EvictMode, PoolConfig, Selector};
use tokio::runtime::Handle;

use crate::common::{eventually, pool_over, request};

/// Waits until no task of the pool is left. Every task of these tests is one of the pool.
async fn no_task_is_left() {
    let metrics = Handle::current().metrics();
    eventually("no task is left", || metrics.num_alive_tasks() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn no_task_outlives_the_last_handle_of_a_pool_whose_requests_are_kept() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let kept: Vec<_> = (0..50)
        .map(|user| request(fake::endpoint("a"), &format!("user-{user}")))
        .collect();
    for request in &kept {
        drop(pool.acquire(request).await.expect("a session"));
    }
    pool.evict(&Selector::All, EvictMode::Graceful);
    for request in &kept {
        drop(pool.acquire(request).await.expect("a session"));
    }
    drop(pool);
    no_task_is_left().await;
    assert_eq!((remote.open(), remote.closed()), (0, 100));
    drop(kept);
}

#[tokio::test(start_paused = true)]
async fn no_task_outlives_the_last_lease_and_the_last_connect_of_a_pool_without_handles() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let me = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&me).await.expect("a session");
    remote.on_connect(Behaviour::Slow(Duration::from_secs(1)));
    let late = tokio::time::timeout(Duration::from_millis(1), pool.acquire(&me)).await;
    assert!(late.is_err(), "the connect takes longer");
    drop(pool);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(remote.open(), 1, "the session of the connect is closed");
    assert!(!lease.peer().await.expect("a peer").is_transport_closed());
    drop(lease);
    no_task_is_left().await;
    assert_eq!((remote.open(), remote.closed()), (0, 2));
}
