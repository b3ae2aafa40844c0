//! A check of an idle session proves what its server answers, and no more.

use std::time::Duration;

use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    PoolConfig, SessionPool,
    config::{Lifecycle, Probe},
};

use crate::setup::{call, client, close, conversation, pool};

/// The ways in which servers answer that they do not know a method.
const UNKNOWN: [fn(&RawRequest) -> Reply; 2] = [
    |request| request.error(200, -32601, "Method not found"),
    |request| request.error(404, -32601, "Method not found"),
];

/// A server that answers these methods so, and others plainly.
fn server(methods: &'static [&str], answer: fn(&RawRequest) -> Reply) -> RawServer {
    RawServer::start(move |request| match methods.contains(&request.method()) {
        true => answer(request),
        false => request.plain_reply("session"),
    })
}

/// A pool that checks every session before each use, with these probes, for so long.
fn checking(chain: &[Probe], timeout: Duration) -> SessionPool {
    let config = PoolConfig::default()
        .with_health_check_interval(Duration::ZERO)
        .with_health_check_timeout(timeout)
        .with_health_check_methods(chain.to_vec());
    pool(config)
}

const CHAINS: [&[Probe]; 3] = [
    &[Probe::Ping],
    &[Probe::Ping, Probe::ListPrompts],
    &[Probe::ListResources],
];

#[tokio::test]
async fn a_server_that_knows_no_method_of_the_chain_keeps_its_sessions() {
    for (chain, unknown) in CHAINS
        .iter()
        .flat_map(|chain| UNKNOWN.map(|it| (chain, it)))
    {
        let server = server(&["ping", "prompts/list", "resources/list"], unknown);
        let pool = checking(chain, Duration::from_secs(60));
        let endpoint = server.endpoint(Lifecycle::Legacy);
        let talk = conversation(&pool, endpoint, "talk").await;
        for _ in 0..3 {
            call(&talk, "count").await.expect("an answer");
        }
        assert_eq!(server.count("initialize"), 1, "{chain:?}");
        assert_eq!(pool.stats().health_check_failures, 0, "{chain:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_server_that_answers_no_probe_in_time_loses_the_session() {
    for chain in CHAINS {
        let methods = &["ping", "prompts/list", "resources/list"];
        let server = server(methods, |_| Reply::hang());
        let pool = checking(chain, Duration::from_millis(100));
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        call(&alice, "count").await.expect("an answer");
        call(&alice, "count").await.expect("an answer");
        assert_eq!(server.count("initialize"), 2, "{chain:?}");
        assert_eq!(pool.stats().health_check_failures, 1, "{chain:?}");
        close(&pool).await;
    }
}
