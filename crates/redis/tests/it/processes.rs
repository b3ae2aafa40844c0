//! Keys are equal in every process.

use std::env;

use mcp_pool_core::{Endpoint, Scope, config::Lifecycle};
use mcp_pool_redis::RedisDirectory;
use mcp_pool_testkit::server::{CounterServer, Modes};
use tokio::process::Command;

use crate::{
    outages::{client_at, close, count, replica_of},
    server::Server,
};

/// The variables that have the process of a test be another replica.
const REDIS: &str = "MCP_TEST_REDIS";
const UPSTREAM: &str = "MCP_TEST_UPSTREAM";
const EXPECTED: &str = "MCP_TEST_COUNT";

/// Counts once in a conversation and once as an identity.
async fn count_both(redis: &str, upstream: &str, expected: &str) {
    let pool = replica_of(RedisDirectory::new(redis).expect("a valid URL"));
    let endpoint = Endpoint::streamable_http(upstream).expect("a valid URL");
    let endpoint = endpoint.with_lifecycle(Lifecycle::Legacy);
    for scope in [Scope::conversation("talk"), Scope::Identity] {
        let client = client_at(&pool, endpoint.clone(), scope).await;
        assert_eq!(count(&client).await, expected);
    }
    close(&pool).await;
}

#[tokio::test]
async fn another_process_goes_on_with_the_sessions_of_this_one() {
    let redis = Server::start().await;
    let server = CounterServer::start_as(Modes::default().legacy_only());
    count_both(&redis.url(), &server.url(), "1").await;
    for expected in ["2", "3"] {
        let other = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "processes::the_other_process"])
            .env(REDIS, redis.url())
            .env(UPSTREAM, server.url())
            .env(EXPECTED, expected)
            .output();
        let other = other.await.expect("a process");
        let output = String::from_utf8_lossy(&other.stdout);
        assert!(other.status.success(), "{output}");
        assert!(output.contains("1 passed"), "{output}");
    }
    count_both(&redis.url(), &server.url(), "4").await;
    assert_eq!(server.count("initialize"), 2);
}

/// Does nothing but in the process that the test above starts.
#[tokio::test]
async fn the_other_process() {
    let [redis, upstream, expected] = [REDIS, UPSTREAM, EXPECTED].map(env::var);
    if let (Ok(redis), Ok(upstream), Ok(expected)) = (redis, upstream, expected) {
        count_both(&redis, &upstream, &expected).await;
    }
}
