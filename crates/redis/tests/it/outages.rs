//! A server that stops, dies, is flushed or comes back empty.

use std::time::Duration;

use http::HeaderMap;
use mcp_pool_core::{AcquireRequest, Endpoint, Fleet, PooledClient, Principal, Scope, SessionPool};
use mcp_pool_directory::FleetSecret;
use mcp_pool_redis::RedisDirectory;
use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use rmcp::model::CallToolRequestParams;

use crate::server::Server;

// A replica on a slow machine beats in time, and its steps end within their budget.
const LEASE: Duration = Duration::from_secs(3);

fn replica(redis: &Server) -> SessionPool {
    replica_of(redis.directory())
}

/// A replica over this directory.
pub(crate) fn replica_of(directory: RedisDirectory) -> SessionPool {
    let secret = FleetSecret::new([1; 32], 1, [2; 32]);
    let fleet = Fleet::new(directory, secret)
        .with_lease(LEASE)
        .with_budget(Duration::from_secs(2));
    SessionPool::builder()
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .fleet(fleet)
        .build()
        .expect("a valid configuration")
}

async fn client(pool: &SessionPool, server: &CounterServer, scope: Scope) -> PooledClient {
    client_at(pool, server.endpoint(), scope).await
}

pub(crate) async fn client_at(
    pool: &SessionPool,
    endpoint: Endpoint,
    scope: Scope,
) -> PooledClient {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer token".parse().expect("a value"));
    let request = AcquireRequest::new(endpoint, Principal::user("alice"))
        .with_headers(headers)
        .with_scope(scope);
    pool.client(request).await.expect("a client")
}

pub(crate) async fn count(client: &PooledClient) -> String {
    try_count(client).await.expect("a count")
}

async fn try_count(client: &PooledClient) -> Result<String, String> {
    let result = client
        .call_tool(CallToolRequestParams::new("increment"))
        .await;
    let result = result.map_err(|error| format!("{error:?}"))?;
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.map(|text| text.text.clone()).unwrap_or_default())
}

pub(crate) async fn close(pool: &SessionPool) {
    let report = pool.close(Duration::from_secs(60)).await;
    assert!(report.complete, "{report:?}");
}

fn counter() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

fn talk() -> Scope {
    Scope::conversation("talk")
}

#[tokio::test]
async fn sessions_go_on_over_restarts_of_all_replicas() {
    let (redis, server) = (Server::start().await, counter());
    for round in 1..=5 {
        let pools = [replica(&redis), replica(&redis)];
        for (place, pool) in pools.iter().enumerate() {
            let talk = client(pool, &server, talk()).await;
            let expected = 2 * (round - 1) + place + 1;
            assert_eq!(count(&talk).await, expected.to_string());
        }
        let alice = client(&pools[0], &server, Scope::Identity).await;
        assert_eq!(count(&alice).await, round.to_string());
        for pool in &pools {
            close(pool).await;
        }
        assert_eq!(server.sessions_opened(), 2, "round {round}");
    }
}

#[tokio::test]
async fn a_crash_loses_no_session_for_longer_than_a_lease() {
    let (redis, server) = (Server::start().await, counter());
    let crashed = tokio::runtime::Builder::new_multi_thread();
    let runtime = { crashed }.enable_all().worker_threads(1).build();
    let runtime = runtime.expect("a runtime");
    let (url, endpoint) = (redis.url(), server.endpoint());
    let opened = runtime.spawn(async move {
        let pool = replica_of(RedisDirectory::new(&url).expect("a valid URL"));
        let client = client_at(&pool, endpoint, Scope::Identity).await;
        assert_eq!(count(&client).await, "1");
        tokio::time::sleep(LEASE / 3).await;
        // Everything ends with the runtime, without a farewell or a hand-over.
        std::mem::forget((pool, client));
    });
    opened.await.expect("a session");
    runtime.shutdown_background();
    tokio::time::sleep(LEASE).await;
    let pool = replica(&redis);
    let alice = client(&pool, &server, Scope::Identity).await;
    assert_eq!(count(&alice).await, "2");
    assert_eq!(server.sessions_opened(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_server_that_stops_costs_no_hit_and_the_pools_heal_alone() {
    let (redis, server) = (Server::start().await, counter());
    let pools = [replica(&redis), replica(&redis)];
    let here = client(&pools[0], &server, talk()).await;
    assert_eq!(count(&here).await, "1");
    redis.signal("STOP");
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(count(&here).await, "2");
    let there = client(&pools[1], &server, talk()).await;
    let failed = try_count(&there)
        .await
        .expect_err("its session may be elsewhere");
    assert!(failed.contains("Unreachable"), "{failed}");
    let alice = client(&pools[1], &server, Scope::Identity).await;
    assert_eq!(count(&alice).await, "1");
    redis.signal("CONT");
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(count(&there).await, "3");
    assert_eq!(count(&here).await, "4");
    for pool in &pools {
        close(pool).await;
    }
    assert_eq!(server.sessions_opened(), 2);
}

#[tokio::test]
async fn a_flushed_server_and_an_empty_one_in_its_place_make_every_holding_void() {
    let (mut redis, server) = (Server::start().await, counter());
    let pool = replica(&redis);
    let alice = client(&pool, &server, Scope::Identity).await;
    assert_eq!(count(&alice).await, "1");
    redis.run(&["FLUSHALL"]).await;
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(count(&alice).await, "1");
    redis.replace().await;
    tokio::time::sleep(LEASE * 3).await;
    assert_eq!(count(&alice).await, "1");
    assert_eq!(count(&alice).await, "2");
    assert_eq!(server.sessions_opened(), 3);
    close(&pool).await;
    // What was opened last is handed over as ever.
    let heir = replica(&redis);
    let alice = client(&heir, &server, Scope::Identity).await;
    assert_eq!(count(&alice).await, "3");
    close(&heir).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_no_error() {
    let (mut redis, server) = (Server::start().await, counter());
    redis.end();
    let pool = replica(&redis);
    let alice = client(&pool, &server, Scope::Identity).await;
    assert_eq!(count(&alice).await, "1");
    assert_eq!(count(&alice).await, "2");
    close(&pool).await;
    assert_eq!(server.sessions_closed(), 1);
}
