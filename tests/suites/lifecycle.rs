//! How sessions end: never while in use, always closed on the server, counted by reason.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_pool_testkit::{
    fake::{self, Behaviour},
    server::CounterServer,
};
use mcp_session_pool::{
    EvictMode, Lease, PoolConfig, Principal, Selector, SessionPool,
    error::FaultKind,
    event::{CloseReason, Closed},
    extend::Observer,
    rmcp::model::{ClientRequest, PingRequest},
};
use tokio::time::{Instant, sleep};

use crate::common::{builder, call, client, close, eventually, pool, pool_over, request};

/// Counts closed sessions by reason and outcome.
#[derive(Clone, Default)]
struct Reasons(Arc<Mutex<BTreeMap<(&'static str, &'static str), usize>>>);

impl Observer for Reasons {
    fn closed(&self, event: &Closed<'_>) {
        let key = (event.reason().as_str(), event.outcome().as_str());
        let mut reasons = self.0.lock().expect("not poisoned");
        *reasons.entry(key).or_default() += 1;
    }
}

async fn ping(lease: &Lease) {
    let request = ClientRequest::PingRequest(PingRequest::default());
    let peer = lease.peer().await.expect("a peer");
    peer.send_request(request).await.expect("an answer");
}

fn brief() -> PoolConfig {
    PoolConfig::default()
        .with_session_ttl(Duration::from_secs(10))
        .with_idle_pool_eviction(Duration::from_secs(20))
        .with_max_total_sessions(1)
        .with_acquire_timeout(Duration::from_secs(5))
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_lasts_until_its_lease_ends() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, brief());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    sleep(Duration::from_secs(60)).await;
    pool.drain();
    pool.evict(
        &Selector::principal(&Principal::user("alice")),
        EvictMode::Graceful,
    );
    pool.evict(&Selector::gateway("none"), EvictMode::Graceful);
    let bob = request(fake::endpoint("a"), "bob");
    pool.acquire(&bob).await.expect_err("no capacity");
    sleep(Duration::from_secs(60)).await;
    assert_eq!((remote.open(), remote.closed()), (1, 0));
    ping(&lease).await;
    drop(lease);
    eventually("it is closed now", || remote.open() == 0).await;
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_time_ends_during_its_use_is_closed_soon_after_it() {
    for slots in [1, 2] {
        let (connector, remote) = fake::connector();
        let config = PoolConfig::default()
            .with_max_concurrent_per_session(NonZeroU32::new(slots).expect("some"))
            .with_session_ttl(Duration::from_secs(80))
            .with_session_ttl_jitter(0.0);
        let pool = pool_over(connector, config);
        let alice = request(fake::endpoint("a"), "alice");
        let lease = pool.acquire(&alice).await.expect("a session");
        sleep(Duration::from_secs(120)).await;
        assert_eq!(remote.open(), 1, "in use");
        drop(lease);
        sleep(Duration::from_secs(11)).await;
        assert_eq!((remote.open(), pool.stats().sessions_reaped), (0, 1));
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_with_one_slot_in_use_and_others_free_is_in_use() {
    let (connector, remote) = fake::connector();
    let config = brief().with_max_concurrent_per_session(4.try_into().expect("not zero"));
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    sleep(Duration::from_secs(60)).await;
    let bob = request(fake::endpoint("a"), "bob");
    pool.acquire(&bob).await.expect_err("no capacity");
    assert_eq!((remote.open(), remote.closed()), (1, 0));
    ping(&lease).await;
    drop(lease);
    drop(pool.acquire(&bob).await.expect("a session"));
    eventually("it is closed now", || remote.open() == 1).await;
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_the_leases_and_aborts_them_only_after_the_deadline() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    let returned = pool.acquire(&alice).await.expect("a session");
    let kept = pool.acquire(&alice).await.expect("a session");
    let idle = pool.acquire(&alice).await.expect("a session");
    drop(idle);
    let began = Instant::now();
    let (report, ()) = tokio::join!(pool.close(Duration::from_secs(5)), async {
        sleep(Duration::from_secs(1)).await;
        ping(&kept).await;
        drop(returned);
    });
    assert_eq!((report.closed, report.forced), (2, 1), "{report:?}");
    assert_eq!(
        (pool.stats().hits, pool.stats().misses),
        (0, 3),
        "counts stay"
    );
    assert!(report.complete);
    assert!(began.elapsed() >= Duration::from_secs(5));
    assert_eq!(remote.open(), 0);
    drop(kept);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_fails_at_once_when_the_pool_closes() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(
        connector,
        PoolConfig::default().with_max_sessions_per_key(1),
    );
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    let closing = async {
        tokio::task::yield_now().await;
        pool.close(Duration::from_secs(5)).await
    };
    let waiting = async {
        let began = Instant::now();
        let error = pool.acquire(&alice).await.expect_err("closed");
        drop(lease);
        (error.label(), began.elapsed())
    };
    let (report, (error, waited)) = tokio::join!(closing, waiting);
    assert_eq!((error, waited), ("closed", Duration::ZERO));
    assert_eq!((report.turned_away, report.forced), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drained_pool_stays_usable_on_new_sessions() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    let leases = futures::future::join_all((0..3).map(|_| pool.acquire(&alice))).await;
    drop(leases);
    assert_eq!(pool.drain().closing, 3);
    eventually("they are closed", || remote.open() == 0).await;
    assert!(pool.acquire(&alice).await.expect("a session").is_fresh());
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_assigned_to_a_waiter_is_not_handed_out_after_a_drain() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(
        connector,
        PoolConfig::default().with_max_sessions_per_key(1),
    );
    let alice = request(fake::endpoint("a"), "alice");
    let first = pool.acquire(&alice).await.expect("a session");
    let mut waiting = std::pin::pin!(pool.acquire(&alice));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    // The session is assigned to the waiter, which has not been polled since.
    drop(first);
    pool.drain();
    let second = waiting.await.expect("a session");
    assert!(second.is_fresh());
    assert_eq!(remote.connects(), 2);
    drop(second);
    close(&pool).await;
}

#[tokio::test]
async fn every_session_is_closed_on_the_server_for_each_reason() {
    let server = CounterServer::start();
    let reasons = Reasons::default();
    let config = PoolConfig::default()
        .with_max_sessions_per_key(1)
        .with_max_total_sessions(3);
    let pool = builder(config)
        .observer(reasons.clone())
        .build()
        .expect("a pool");
    let of = |user| request(server.endpoint(), user);

    pool.acquire(&of("discarded"))
        .await
        .expect("a session")
        .discard();
    drop(pool.acquire(&of("evicted")).await.expect("a session"));
    pool.evict(
        &Selector::principal(&Principal::user("evicted")),
        EvictMode::Graceful,
    );
    drop(pool.acquire(&of("drained")).await.expect("a session"));
    pool.drain();
    for user in ["one", "two", "three", "four"] {
        drop(pool.acquire(&of(user)).await.expect("a session"));
    }
    close(&pool).await;
    server.expect_no_session().await;

    assert_eq!(server.sessions_opened(), 7);
    assert_eq!(server.count("DELETE"), 7);
    let reasons = reasons.0.lock().expect("not poisoned").clone();
    let expected = [
        ("discarded", 1),
        ("drained", 1),
        ("evicted", 1),
        ("reclaimed", 1),
        ("shutdown", 3),
    ];
    let expected = expected.map(|(reason, count)| ((reason, "completed"), count));
    assert_eq!(reasons, expected.into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn every_other_end_of_a_session_is_counted_by_its_reason() {
    let (connector, remote) = fake::connector();
    let reasons = Reasons::default();
    let config = PoolConfig::default()
        .with_session_ttl(Duration::from_secs(100))
        .with_session_ttl_jitter(0.0)
        .with_idle_pool_eviction(Duration::from_secs(30))
        .with_health_check_interval(Duration::from_secs(10))
        .with_circuit_breaker_threshold(100);
    let pool = SessionPool::builder()
        .config(config)
        .connector(connector)
        .observer(reasons.clone())
        .build()
        .expect("a pool");
    let alice = request(fake::endpoint("a"), "alice");
    let once = || async { drop(pool.acquire(&alice).await.expect("a session")) };

    once().await;
    sleep(Duration::from_secs(20)).await;
    remote.on_check(Behaviour::Fail(FaultKind::Other));
    once().await; // check_failed
    remote.on_check(Behaviour::Ok);
    remote.end_sessions(); // lost
    sleep(Duration::from_secs(1)).await;
    let client = pool.client(alice.clone()).await.expect("a client");
    remote.on_call(Behaviour::Fail(FaultKind::Unreachable));
    call(&client, "count").await.expect_err("broken");
    remote.on_call(Behaviour::Ok);
    once().await;
    for _ in 0..6 {
        sleep(Duration::from_secs(20)).await;
        once().await; // expired, the fifth time
    }
    sleep(Duration::from_secs(60)).await; // idle
    close(&pool).await;

    let reasons = reasons.0.lock().expect("not poisoned").clone();
    let expected = ["broken", "check_failed", "expired", "idle", "lost"];
    let expected: BTreeMap<_, _> = expected.map(|reason| ((reason, "completed"), 1)).into();
    assert_eq!(reasons, expected);
    assert_eq!(remote.open(), 0);
}

#[tokio::test]
async fn a_lease_can_be_returned_outside_of_a_runtime() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default().with_max_sessions_per_key(1));
    let alice = request(server.endpoint(), "alice");
    for discards in [false, true] {
        let lease = pool.acquire(&alice).await.expect("a session");
        let waiter = tokio::spawn({
            let (pool, alice) = (pool.clone(), alice.clone());
            async move { pool.acquire(&alice).await.map(|lease| lease.is_fresh()) }
        });
        tokio::task::yield_now().await;
        let ended = std::thread::spawn(move || match discards {
            true => lease.discard(),
            false => drop(lease),
        });
        ended.join().expect("no panic outside of a runtime");
        let fresh = waiter.await.expect("no panic").expect("a session");
        assert_eq!(fresh, discards);
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_close_delays_neither_acquires_nor_the_eviction_of_keys() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_idle_pool_eviction(Duration::from_secs(1))
        .with_close_timeout(Duration::from_secs(600));
    let pool = pool_over(connector, config);
    remote.on_close(Behaviour::Never);
    for user in 0..200 {
        let me = request(fake::endpoint("a"), &format!("user-{user}"));
        drop(pool.acquire(&me).await.expect("a session"));
    }
    sleep(Duration::from_secs(5)).await;
    assert_eq!(pool.stats().pool_key_count, 0);
    let began = Instant::now();
    let me = request(fake::endpoint("a"), "newcomer");
    drop(pool.acquire(&me).await.expect("a session"));
    assert_eq!(began.elapsed(), Duration::ZERO);
    remote.on_close(Behaviour::Ok);
    close(&pool).await;
    assert_eq!(remote.open(), 0);
}

#[tokio::test]
async fn a_pool_that_is_dropped_closes_its_sessions_in_the_background() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    call(&client, "increment").await.expect("a count");
    drop((pool, client));
    server.expect_no_session().await;
    assert_eq!(server.sessions_closed(), 1);
}

#[tokio::test]
async fn a_pool_that_is_off_opens_a_session_for_each_lease_and_closes_it() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default().with_enabled(false));
    let client = client(&pool, &server, "alice").await;
    for _ in 0..3 {
        assert_eq!(call(&client, "increment").await.expect("a count"), 1);
    }
    server.expect_no_session().await;
    assert_eq!(server.sessions_opened(), 3);
    close(&pool).await;
}

#[tokio::test]
async fn two_pools_of_one_process_give_a_key_different_fingerprints() {
    let request = request(fake::endpoint("a"), "alice");
    let mut prints = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let pool = pool_over(fake::connector().0, PoolConfig::default());
        prints.insert(
            pool.resolve_key(&request)
                .await
                .expect("a key")
                .fingerprint(),
        );
    }
    assert_eq!(prints.len(), 2);
}

#[test]
fn the_operating_guide_explains_every_reason_of_a_close() {
    let guide = include_str!("../../docs/operating.md");
    for reason in CloseReason::ALL {
        let row = format!("\n| `{}` | ", reason.as_str());
        assert_eq!(guide.matches(&row).count(), 1, "{reason:?}");
    }
}
