//! What an operator may do.

use std::time::Duration;

use http::StatusCode;
use mcp_pool_core::{AcquireRequest, PoolConfig, Principal, error::FaultKind, stats::BreakerState};
use mcp_pool_testkit::fake::{self, Behaviour};
use serde_json::json;

use crate::setup::{Setup, request};

#[tokio::test(start_paused = true)]
async fn a_key_is_evicted_and_the_others_stay() {
    let setup = Setup::new(PoolConfig::default());
    for user in ["alice", "bob"] {
        drop(setup.pool.acquire(&request(user)).await.expect("a session"));
    }
    let key = setup
        .pool
        .resolve_key(&request("alice"))
        .await
        .expect("a key");
    let key = key.fingerprint().to_string();
    let report = setup
        .act("/pool/evict", &json!({ "key": key }))
        .await
        .json();
    assert_eq!(
        (&report["keys"], &report["closing"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(setup.pool.status().sessions, 1);
    let again = setup.act("/pool/evict", &json!({ "key": key })).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "it is gone");
    assert_eq!(
        setup.get(&format!("/pool/keys/{key}")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(start_paused = true)]
async fn a_forced_eviction_closes_a_session_in_use_and_a_graceful_one_does_not() {
    let setup = Setup::new(PoolConfig::default());
    for (force, open) in [(false, 1), (true, 0)] {
        let lease = setup
            .pool
            .acquire(&request("alice"))
            .await
            .expect("a session");
        let key = lease.key().fingerprint().to_string();
        let body = json!({ "key": key, "force": force });
        let report = setup.act("/pool/evict", &body).await.json();
        assert_eq!(report["in_use"], 1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(setup.remote.open(), open, "force: {force}");
        drop(lease);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(setup.remote.open(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_is_reset_by_the_name_that_the_page_gives_its_endpoint() {
    let config = PoolConfig::default().with_circuit_breaker_threshold(1);
    let setup = Setup::new(config);
    drop(
        setup
            .pool
            .acquire(&request("alice"))
            .await
            .expect("a session"),
    );
    setup
        .remote
        .on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let broken = fake::endpoint("b");
    let bob = AcquireRequest::new(broken.clone(), Principal::user("bob"));
    setup.pool.acquire(&bob).await.expect_err("unreachable");
    let stats = setup.get("/pool/stats.json").await.json();
    // What needs a look comes first.
    let row = &stats["endpoints"][0];
    assert_eq!(row["breaker"], "open", "{row}");
    let body = json!({ "endpoint": row["name"] });
    let status = setup.act("/pool/reset-circuit", &body).await.json();
    assert_eq!(status["state"], "closed");
    let circuit = setup.pool.circuit(&broken).status();
    assert_eq!((circuit.state, circuit.failures), (BreakerState::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drain_replaces_every_session() {
    let setup = Setup::new(PoolConfig::default());
    for user in ["alice", "bob"] {
        drop(setup.pool.acquire(&request(user)).await.expect("a session"));
    }
    let report = setup.act("/pool/drain", &json!({})).await.json();
    assert_eq!(report["closing"], 2);
    assert_eq!(setup.pool.status().sessions, 0);
    assert!(!setup.pool.is_closed());
}
