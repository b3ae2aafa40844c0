//! A pool that reuses no session: one session for each lease, whatever the server is.

use futures::future::join_all;
use mcp_pool_testkit::{
    fake,
    server::{CounterServer, Modes},
};
use mcp_session_pool::{AcquireRequest, Lease, PoolConfig, Scope, SessionPool};

use crate::common::{call, client, close, eventually, pool, pool_over, request};

const LEASES: usize = 4;

/// A configuration under which a session of either era would serve several leases at the same time.
fn off() -> PoolConfig {
    PoolConfig::default()
        .with_enabled(false)
        .with_max_concurrent_per_session(8.try_into().expect("not zero"))
}

/// Leases that are all held at the same time.
async fn leases(pool: &SessionPool, request: &AcquireRequest) -> Vec<Lease> {
    let leases = (0..LEASES).map(|_| pool.acquire(request));
    let leases = join_all(leases).await.into_iter();
    leases.map(|lease| lease.expect("a session")).collect()
}

#[tokio::test]
async fn each_lease_has_a_session_of_its_own_in_either_era() {
    let all_modes = [
        Modes::default().legacy_only(),
        Modes::default().stateless_only(),
        Modes::default().stateless_only().with_json(),
    ];
    for modes in all_modes {
        let server = CounterServer::start_as(modes);
        let pool = pool(off());
        let me = request(server.endpoint(), "alice");
        for round in 1..=2 {
            let held = leases(&pool, &me).await;
            assert!(held.iter().all(Lease::is_fresh), "{modes:?}");
            assert_eq!(pool.status().sessions, LEASES, "{modes:?}");
            let opened = pool.status().sessions_opened;
            assert_eq!(opened, (round * LEASES) as u64, "{modes:?}");
            drop(held);
            eventually("every session is closed", || pool.status().sessions == 0).await;
        }
        assert_eq!(pool.stats().hits, 0, "{modes:?}");
        close(&pool).await;
        server.expect_no_session().await;
    }
}

#[tokio::test]
async fn each_call_of_a_client_has_a_session_of_its_own_in_either_era() {
    for modes in [
        Modes::default().legacy_only(),
        Modes::default().stateless_only(),
    ] {
        let server = CounterServer::start_as(modes);
        let pool = pool(off());
        let client = client(&pool, &server, "alice").await;
        let calls = (0..LEASES).map(|_| call(&client, "increment"));
        for count in join_all(calls).await {
            count.expect("a count");
        }
        assert_eq!(pool.stats().sessions_opened, LEASES as u64, "{modes:?}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_allows_several_calls_changes_nothing() {
    let (connector, remote) = fake::connector();
    remote.allow_concurrent_calls(8);
    let pool = pool_over(connector, off());
    let held = leases(&pool, &request(fake::endpoint("a"), "alice")).await;
    assert_eq!(remote.open(), LEASES);
    drop(held);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_leases_of_a_conversation_have_one_session_after_the_other() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, off());
    let scope = Scope::conversation("talk");
    let me = request(fake::endpoint("a"), "alice").with_scope(scope);
    let leases = (0..LEASES).map(|_| async {
        let lease = pool.acquire(&me).await.expect("a session");
        assert!(lease.is_fresh());
        assert_eq!(pool.status().sessions, 1);
    });
    join_all(leases).await;
    assert_eq!(remote.connects(), LEASES);
    close(&pool).await;
}
