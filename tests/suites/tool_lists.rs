//! Lists of tools are kept where the configuration says so, and never a moment too long.

use std::time::Duration;

use mcp_pool_testkit::{NotifyingServer, fake};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, PooledClient, Principal, SessionPool,
    config::Lifecycle,
    rmcp::model::{
        CacheScope, PaginatedRequestParams, ServerNotification, ToolListChangedNotification,
    },
};

use crate::common::{close, eventually, headers, pool, pool_over, request};

fn keeping() -> PoolConfig {
    PoolConfig::default().with_tool_list_ttl(Duration::from_secs(60))
}

async fn client_of(pool: &SessionPool, server: &NotifyingServer, user: &str) -> PooledClient {
    with_token(pool, server, user, &format!("Bearer {user}-token")).await
}

/// A client of a user who is told by another header than the token.
async fn with_token(
    pool: &SessionPool,
    server: &NotifyingServer,
    user: &str,
    token: &str,
) -> PooledClient {
    let endpoint = server.endpoint().with_lifecycle(Lifecycle::Legacy);
    let request = AcquireRequest::new(endpoint, Principal::user(user))
        .with_headers(headers(&[("authorization", token), ("x-user-id", user)]));
    pool.client(request).await.expect("a client")
}

/// The tool that shows how often the list has changed.
async fn version(client: &PooledClient) -> String {
    let tools = client.list_all_tools().await.expect("tools");
    tools.last().expect("a tool").name.to_string()
}

#[tokio::test]
async fn by_default_every_list_is_asked_for() {
    let server = NotifyingServer::start();
    let pool = pool(PoolConfig::default());
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..3 {
        client.list_tools(None).await.expect("tools");
        client.list_all_tools().await.expect("tools");
    }
    assert_eq!(server.lists(), 6);
    let stats = pool.stats();
    assert_eq!((stats.tool_list_hits, stats.tool_list_misses), (0, 0));
    close(&pool).await;
}

#[tokio::test]
async fn a_kept_list_is_given_again_until_its_server_says_that_it_has_changed() {
    let server = NotifyingServer::start();
    let pool = pool(keeping());
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..3 {
        client.list_tools(None).await.expect("tools");
        assert_eq!(version(&client).await, "version-0");
    }
    assert_eq!(server.lists(), 1);
    let stats = pool.stats();
    assert_eq!((stats.tool_list_hits, stats.tool_list_misses), (5, 1));
    // Even after the only session is idle again: its stream stays open.
    server.change_tools().await;
    eventually("the pool hears it", || pool.stats().list_changes == 1).await;
    assert_eq!(version(&client).await, "version-1");
    assert_eq!(server.lists(), 2);
    close(&pool).await;
}

#[tokio::test]
async fn nobody_is_given_the_list_of_another_user() {
    let server = NotifyingServer::start();
    let pool = pool(keeping());
    for (user, asked) in [("alice", 1), ("bob", 2), ("alice", 2), ("bob", 2)] {
        version(&client_of(&pool, &server, user).await).await;
        assert_eq!(server.lists(), asked, "{user}");
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_private_list_is_good_for_no_other_token_and_a_public_one_is() {
    let by_user = keeping().with_identity_headers(vec![http::HeaderName::from_static("x-user-id")]);
    for (scope, asked) in [(CacheScope::Private, 2), (CacheScope::Public, 1)] {
        let server = NotifyingServer::start();
        server.hint(Some(Duration::from_secs(60)), Some(scope));
        let pool = pool(by_user.clone());
        for token in ["Bearer old", "Bearer old", "Bearer new", "Bearer new"] {
            version(&with_token(&pool, &server, "alice", token).await).await;
        }
        assert_eq!(pool.stats().pool_key_count, 1);
        assert_eq!(server.lists(), asked, "{scope:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_list_that_its_server_calls_stale_is_not_kept() {
    let server = NotifyingServer::start();
    server.hint(Some(Duration::ZERO), Some(CacheScope::Public));
    let pool = pool(keeping());
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..2 {
        version(&client).await;
    }
    assert_eq!(server.lists(), 2);
    close(&pool).await;
}

#[tokio::test]
async fn a_list_of_several_pages_is_kept_as_a_whole_and_its_pages_are_asked_for() {
    let server = NotifyingServer::start();
    server.page(3);
    let pool = pool(keeping());
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..2 {
        assert_eq!(client.list_all_tools().await.expect("tools").len(), 4);
    }
    assert_eq!(server.lists(), 2, "once two pages");
    let first = client.list_tools(None).await.expect("a page");
    assert_eq!(first.tools.len(), 3);
    let params = PaginatedRequestParams::default().with_cursor(first.next_cursor);
    let second = client.list_tools(Some(params)).await.expect("a page");
    assert_eq!((second.tools.len(), server.lists()), (1, 4));
    close(&pool).await;
}

#[tokio::test]
async fn lists_beyond_the_memory_set_aside_for_them_are_not_kept() {
    let server = NotifyingServer::start();
    let pool = pool(keeping().with_tool_list_max_bytes(64));
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..2 {
        version(&client).await;
    }
    assert_eq!(server.lists(), 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_kept_list_is_let_go_of_when_its_time_is_up() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, keeping());
    let client = pool.client(request(fake::endpoint("a"), "alice")).await;
    let client = client.expect("a client");
    for (after, asked) in [(0, 1), (59, 1), (2, 2), (1, 2)] {
        tokio::time::sleep(Duration::from_secs(after)).await;
        client.list_all_tools().await.expect("tools");
        assert_eq!(remote.lists(), asked, "after another {after} s");
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_is_taken_note_of_at_once_though_handlers_are_told_later() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, keeping());
    let client = pool.client(request(fake::endpoint("a"), "alice")).await;
    let client = client.expect("a client");
    client.list_all_tools().await.expect("tools");
    let changed = ToolListChangedNotification::default();
    remote.notify(&ServerNotification::ToolListChangedNotification(changed));
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.list_all_tools().await.expect("tools");
    assert_eq!(remote.lists(), 2);
    close(&pool).await;
}
