//! A wait that a server requests is kept by the callers that it is meant for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{RawServer, Reply};
use mcp_session_pool::{
    PoolConfig,
    config::Lifecycle,
    error::{AcquireError, Retry},
};

use crate::setup::{close, pool, request};

/// A server that refuses `initialize` of alice with this status, while it is not zero.
fn server(status: &Arc<AtomicU16>) -> RawServer {
    let status = Arc::clone(status);
    RawServer::start(move |request| {
        let now = status.load(Ordering::SeqCst);
        let is_alice = request.header("authorization").contains("alice");
        match request.method() == "initialize" && is_alice && now != 0 {
            true => Reply::status(now).with_header("retry-after", "30"),
            false => request.plain_reply("session"),
        }
    })
}

#[tokio::test]
async fn a_requested_wait_costs_one_request_and_not_one_for_each_acquire() {
    for (status, holds_others) in [(429, false), (503, true)] {
        let now = Arc::new(AtomicU16::new(status));
        let server = server(&now);
        let pool = pool(PoolConfig::default());
        let endpoint = server.endpoint(Lifecycle::Legacy);
        let alice = request(endpoint.clone(), "alice");
        for number in 0..50 {
            let error = pool.acquire(&alice).await.expect_err("a refusal");
            let Retry::Later(Some(wait)) = error.retry() else {
                panic!("{number}: {error:?}");
            };
            assert!(wait <= Duration::from_secs(30), "{wait:?}");
            assert!(wait > Duration::from_secs(20), "{wait:?}");
            assert!(matches!(error, AcquireError::Connect(_)), "{error:?}");
        }
        assert_eq!(server.count("initialize"), 1, "{status}");
        let bob = pool.acquire(&request(endpoint, "bob")).await;
        assert_eq!(bob.is_err(), holds_others, "{status}: {bob:?}");
        assert_eq!(pool.stats().circuit_breaker_trips, 0, "{status}");
        drop(bob);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_short_wait_is_waited_for() {
    let status = Arc::new(AtomicU16::new(429));
    let refused = Arc::clone(&status);
    let server = RawServer::start(move |request| {
        match request.method() == "initialize" && refused.swap(0, Ordering::SeqCst) != 0 {
            true => Reply::status(429).with_header("retry-after", "1"),
            false => request.plain_reply("session"),
        }
    });
    let pool = pool(PoolConfig::default());
    let alice = request(server.endpoint(Lifecycle::Legacy), "alice");
    pool.acquire(&alice).await.expect_err("a refusal");
    drop(
        pool.acquire(&alice)
            .await
            .expect("a session after the wait"),
    );
    assert_eq!(server.count("initialize"), 2);
    close(&pool).await;
}

#[tokio::test]
async fn a_requested_wait_is_capped_by_the_pool() {
    let status = Arc::new(AtomicU16::new(429));
    let server = server(&status);
    let reset = Duration::from_millis(300);
    let pool = pool(PoolConfig::default().with_circuit_breaker_reset(reset));
    let alice = request(server.endpoint(Lifecycle::Legacy), "alice");
    pool.acquire(&alice).await.expect_err("a refusal");
    status.store(0, Ordering::SeqCst);
    drop(pool.acquire(&alice).await.expect("a session"));
    close(&pool).await;
}
