//! A subscription belongs to its caller.

use std::time::Duration;

use futures::StreamExt;
use mcp_pool_testkit::NotifyingServer;
use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    config::Lifecycle,
    error::CallError,
    rmcp::model::{ServerNotification, SubscriptionFilter},
};

use crate::common::{close, eventually, pool, request};

async fn client_of(
    pool: &SessionPool,
    server: &NotifyingServer,
    user: &str,
    lifecycle: Lifecycle,
) -> PooledClient {
    let endpoint = server.endpoint().with_lifecycle(lifecycle);
    let client = pool.client(request(endpoint, user)).await;
    client.expect("a client")
}

fn tool_changes() -> SubscriptionFilter {
    SubscriptionFilter::builder().tools_list_changed().build()
}

#[tokio::test]
async fn a_subscription_receives_changes_holds_its_lease_and_ends_when_dropped() {
    let server = NotifyingServer::start();
    let pool = pool(PoolConfig::default());
    let alice = client_of(&pool, &server, "alice", Lifecycle::Stateless).await;
    let bob = client_of(&pool, &server, "bob", Lifecycle::Stateless).await;
    let mut hers = alice.listen(tool_changes()).await.expect("a subscription");
    let his = bob.listen(tool_changes()).await.expect("a subscription");
    assert_eq!(hers.accepted().tools_list_changed, Some(true));
    assert_eq!(pool.stats().total_active_sessions, 2);
    eventually("both are served", || server.subscriptions() == 2).await;
    drop(his);
    eventually("one is left", || server.subscriptions() == 1).await;
    server.change_tools().await;
    let change = hers.next().await.expect("a change");
    assert!(matches!(
        change,
        Some(ServerNotification::ToolListChangedNotification(_))
    ));
    assert!(hers.ended().is_none());
    drop(hers);
    eventually("none is left", || server.subscriptions() == 0).await;
    assert_eq!(pool.stats().total_active_sessions, 0);
    close(&pool).await;
}

#[tokio::test]
async fn a_change_received_by_a_subscription_invalidates_the_cached_list() {
    let server = NotifyingServer::start();
    server.hint(Some(Duration::from_secs(60)), None);
    let pool = pool(PoolConfig::default().with_tool_list_ttl(Duration::from_secs(60)));
    let client = client_of(&pool, &server, "alice", Lifecycle::Stateless).await;
    for _ in 0..2 {
        client.list_all_tools().await.expect("tools");
    }
    assert_eq!(server.lists(), 1);
    let listening = client.listen(tool_changes()).await.expect("a subscription");
    let mut changes = Box::pin(listening.into_stream());
    eventually("it is served", || server.subscriptions() == 1).await;
    server.change_tools().await;
    changes.next().await.expect("a change").expect("a change");
    client.list_all_tools().await.expect("tools");
    assert_eq!(server.lists(), 2);
    drop(changes);
    close(&pool).await;
}

#[tokio::test]
async fn servers_with_sessions_have_no_subscriptions() {
    let server = NotifyingServer::start();
    let pool = pool(PoolConfig::default());
    let client = client_of(&pool, &server, "alice", Lifecycle::Legacy).await;
    let error = client
        .listen(tool_changes())
        .await
        .expect_err("no such thing");
    assert!(matches!(error, CallError::NotInRevision(_)), "{error:?}");
    close(&pool).await;
}
