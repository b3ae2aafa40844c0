//! Subscriptions live across a change of the transport that was detected.

use std::time::Duration;

use mcp_session_pool::{
    TransportKind,
    client::{ResourceUpdate, ResourceUpdates},
    config::Lifecycle,
};

use crate::{common::close, moving_server::MovingServer, over::pool};

async fn next(updates: &mut ResourceUpdates) -> ResourceUpdate {
    let next = tokio::time::timeout(Duration::from_secs(60), updates.next()).await;
    let next = next.expect("an update in time");
    next.expect("no error").expect("no end")
}

async fn resumed(updates: &mut ResourceUpdates) {
    while next(updates).await != ResourceUpdate::Resumed {}
}

fn is_change(update: &ResourceUpdate) -> bool {
    matches!(update, ResourceUpdate::Changed { uri } if uri == "test://a")
}

#[tokio::test]
async fn a_subscription_lives_across_each_change_of_the_transport() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Auto] {
        let server = MovingServer::start();
        let pool = pool();
        let client = server.client(&pool, lifecycle).await;
        let other = server.client(&pool, lifecycle).await;
        let mut first = client.subscribe("test://a").await.expect("a subscription");
        let mut second = other.subscribe("test://a").await.expect("a subscription");
        let transports = [TransportKind::SSE, TransportKind::STREAMABLE_HTTP];
        for transport in transports.iter().cycle().take(4) {
            server.go_over();
            client.list_tools(None).await.expect("tools");
            assert_eq!(client.key().transport(), transport, "{lifecycle:?}");
            for updates in [&mut first, &mut second] {
                resumed(updates).await;
                let update = server.changing(next(updates)).await;
                assert!(is_change(&update), "{lifecycle:?} {update:?}");
            }
        }
        drop((first, second));
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_caller_may_subscribe_although_the_detected_transport_is_outdated() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Auto] {
        let server = MovingServer::start();
        let pool = pool();
        let client = server.client(&pool, lifecycle).await;
        client.list_tools(None).await.expect("tools");
        server.go_over();
        let mut updates = client.subscribe("test://a").await.expect("a subscription");
        let update = server.changing(next(&mut updates)).await;
        assert!(is_change(&update), "{lifecycle:?} {update:?}");
        assert_eq!(client.key().transport(), &TransportKind::SSE);
        drop(updates);
        close(&pool).await;
    }
}
