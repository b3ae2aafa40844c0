//! Lists of tools are cached if the configuration enables it, and never beyond their lifetime.

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

fn caching() -> PoolConfig {
    PoolConfig::default().with_tool_list_ttl(Duration::from_secs(60))
}

async fn client_of(pool: &SessionPool, server: &NotifyingServer, user: &str) -> PooledClient {
    with_token(pool, server, user, &format!("Bearer {user}-token")).await
}

/// A client of a user that another header than the token identifies.
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

/// The name of the tool that shows the number of changes.
async fn version(client: &PooledClient) -> String {
    let tools = client.list_all_tools().await.expect("tools");
    tools.last().expect("a tool").name.to_string()
}

#[tokio::test]
async fn by_default_every_list_is_requested() {
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
async fn a_cached_list_is_returned_until_its_server_reports_a_change() {
    let server = NotifyingServer::start();
    let pool = pool(caching());
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..3 {
        client.list_tools(None).await.expect("tools");
        assert_eq!(version(&client).await, "version-0");
    }
    assert_eq!(server.lists(), 1);
    let stats = pool.stats();
    assert_eq!((stats.tool_list_hits, stats.tool_list_misses), (5, 1));
    // The only session is idle by now; its stream is still open.
    server.change_tools().await;
    eventually("the pool receives it", || pool.stats().list_changes == 1).await;
    assert_eq!(version(&client).await, "version-1");
    assert_eq!(server.lists(), 2);
    close(&pool).await;
}

#[tokio::test]
async fn a_cached_list_is_never_returned_to_another_user() {
    let server = NotifyingServer::start();
    let pool = pool(caching());
    for (user, lists) in [("alice", 1), ("bob", 2), ("alice", 2), ("bob", 2)] {
        version(&client_of(&pool, &server, user).await).await;
        assert_eq!(server.lists(), lists, "{user}");
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_private_list_is_cached_by_token_and_a_public_list_by_key() {
    let by_user = caching().with_identity_headers(vec![http::HeaderName::from_static("x-user-id")]);
    for (scope, lists) in [(CacheScope::Private, 2), (CacheScope::Public, 1)] {
        let server = NotifyingServer::start();
        server.hint(Some(Duration::from_secs(60)), Some(scope));
        let pool = pool(by_user.clone());
        for token in ["Bearer old", "Bearer old", "Bearer new", "Bearer new"] {
            version(&with_token(&pool, &server, "alice", token).await).await;
        }
        assert_eq!(pool.stats().pool_key_count, 1);
        assert_eq!(server.lists(), lists, "{scope:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_list_without_a_lifetime_is_not_cached() {
    let server = NotifyingServer::start();
    server.hint(Some(Duration::ZERO), Some(CacheScope::Public));
    let pool = pool(caching());
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..2 {
        version(&client).await;
    }
    assert_eq!(server.lists(), 2);
    close(&pool).await;
}

#[tokio::test]
async fn a_list_of_several_pages_is_cached_as_a_whole_and_not_by_page() {
    let server = NotifyingServer::start();
    server.page(3);
    let pool = pool(caching());
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
async fn lists_above_the_memory_limit_are_not_cached() {
    let server = NotifyingServer::start();
    let pool = pool(caching().with_tool_list_max_bytes(64));
    let client = client_of(&pool, &server, "alice").await;
    for _ in 0..2 {
        version(&client).await;
    }
    assert_eq!(server.lists(), 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_cached_list_expires() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, caching());
    let client = pool.client(request(fake::endpoint("a"), "alice")).await;
    let client = client.expect("a client");
    for (after, lists) in [(0, 1), (59, 1), (2, 2), (1, 2)] {
        tokio::time::sleep(Duration::from_secs(after)).await;
        client.list_all_tools().await.expect("tools");
        assert_eq!(remote.lists(), lists, "after another {after} s");
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_invalidates_the_cached_list_before_handlers_receive_it() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, caching());
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
