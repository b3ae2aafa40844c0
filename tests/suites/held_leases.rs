//! Leases that are held for too long: reported once, and ended from outside.

use std::{
    panic::Location,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_pool_testkit::fake;
use mcp_session_pool::{
    PoolConfig, SessionPool,
    event::{CloseReason, Closed, LeaseOverdue},
    extend::Observer,
};
use tokio::time::{advance, sleep};

use crate::common::{close, eventually, pool_over, request};

/// Keeps the overdue leases and the reasons of closes.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<SeenEvents>>);

#[derive(Default)]
struct SeenEvents {
    overdue: Vec<(&'static Location<'static>, Duration)>,
    closed: Vec<CloseReason>,
}

impl Observer for Seen {
    fn lease_overdue(&self, event: &LeaseOverdue<'_>) {
        let mut seen = self.0.lock().expect("not poisoned");
        seen.overdue.push((event.site(), event.held_for()));
    }

    fn closed(&self, event: &Closed<'_>) {
        let mut seen = self.0.lock().expect("not poisoned");
        seen.closed.push(event.reason());
    }
}

impl Seen {
    fn lines(&self) -> Vec<u32> {
        let seen = self.0.lock().expect("not poisoned");
        seen.overdue.iter().map(|(site, _)| site.line()).collect()
    }
}

const OVERDUE: Duration = Duration::from_secs(60);

fn watching() -> PoolConfig {
    PoolConfig::default()
        .with_lease_overdue_after(OVERDUE)
        .with_max_sessions_per_key(1)
        .with_acquire_timeout(Duration::from_secs(5))
}

fn watched_pool(config: PoolConfig) -> (SessionPool, fake::Remote, Seen) {
    let (connector, remote) = fake::connector();
    let seen = Seen::default();
    let pool = SessionPool::builder()
        .config(config)
        .connector(connector)
        .observer(seen.clone())
        .build()
        .expect("a valid configuration");
    (pool, remote, seen)
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_held_too_long_is_reported_once_with_the_line_that_took_it() {
    let (pool, _remote, seen) = watched_pool(watching().with_max_sessions_per_key(8));
    let alice = request(fake::endpoint("a"), "alice");
    let client = pool.client(alice.clone()).await.expect("a client");
    let first = line!() + 1;
    let by_pool = pool.acquire(&alice).await.expect("a session");
    sleep(OVERDUE / 2).await;
    let by_client = client.acquire().await.expect("a session");
    drop(pool.acquire(&alice).await.expect("a session"));
    let at_once = pool.try_acquire(&alice).expect("an idle session");
    let brief = client.acquire().await.expect("a session");
    sleep(OVERDUE / 4).await;
    drop(brief);
    sleep(OVERDUE * 10).await;
    assert_eq!(seen.lines(), [first, first + 2, first + 4]);
    assert_eq!(pool.stats().leases_overdue, 3);
    let held = seen.0.lock().expect("not poisoned").overdue.clone();
    for (site, held_for) in held {
        assert!(site.file().ends_with("held_leases.rs"), "{site}");
        assert!(
            held_for >= OVERDUE && held_for < OVERDUE * 2,
            "{held_for:?}"
        );
    }
    drop((by_pool, by_client, at_once));
    let later = pool.acquire(&alice).await.expect("a session");
    sleep(OVERDUE * 2).await;
    assert_eq!(seen.lines().len(), 4, "the pool goes on watching");
    drop(later);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_leases_that_are_held_are_listed_the_oldest_first() {
    let (pool, _remote, _seen) = watched_pool(watching().with_max_sessions_per_key(8));
    let alice = request(fake::endpoint("a"), "alice");
    let mut leases = Vec::new();
    for _ in 0..3 {
        leases.push(pool.acquire(&alice).await.expect("a session"));
        sleep(OVERDUE / 2).await;
    }
    let held = pool.held_leases(100);
    let [first, second, third] = &held[..] else {
        panic!("{held:?}");
    };
    assert!(first.number < second.number && second.number < third.number);
    assert!(first.held_for > second.held_for && second.held_for > third.held_for);
    assert_eq!(
        [true, true, false],
        [first, second, third].map(|held| held.is_overdue)
    );
    assert_eq!(pool.held_leases(1).len(), 1);
    drop(leases.remove(0));
    assert_eq!(pool.held_leases(100).len(), 2);
    drop(leases);
    assert!(pool.held_leases(100).is_empty());
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_ended_from_outside_gives_its_place_to_the_next_caller() {
    for (per_key, total) in [(1, 100), (8, 1)] {
        let config = watching()
            .with_max_sessions_per_key(per_key)
            .with_max_total_sessions(total);
        let (pool, remote, seen) = watched_pool(config);
        let alice = request(fake::endpoint("a"), "alice");
        let leaked = pool.acquire(&alice).await.expect("a session");
        pool.acquire(&alice).await.expect_err("no place");
        let number = pool.held_leases(1)[0].number;
        assert!(pool.end_lease(number));
        assert!(!pool.end_lease(number), "it has ended");
        let next = pool.acquire(&alice).await.expect("its place");
        let stats = pool.stats();
        assert_eq!((stats.total_sessions, stats.total_active_sessions), (1, 1));
        drop(leaked);
        let stats = pool.stats();
        assert_eq!((stats.total_sessions, stats.total_active_sessions), (1, 1));
        drop(next);
        assert!(pool.try_acquire(&alice).is_some(), "the session is kept");
        eventually("the first one is closed", || remote.closed() == 1).await;
        let closed = seen.0.lock().expect("not poisoned").closed.clone();
        assert_eq!(closed, [CloseReason::LeaseEnded]);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_line_is_served_when_a_lease_is_ended_from_outside() {
    let (pool, _remote, _seen) = watched_pool(watching());
    let alice = request(fake::endpoint("a"), "alice");
    let leaked = pool.acquire(&alice).await.expect("a session");
    let end = async {
        sleep(Duration::from_secs(1)).await;
        assert!(pool.end_lease(pool.held_leases(1)[0].number));
    };
    let (next, ()) = tokio::join!(pool.acquire(&alice), end);
    drop(next.expect("the place of the first"));
    drop(leaked);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn every_lease_on_a_session_ends_with_the_one_that_is_ended() {
    let slots = 3.try_into().expect("not zero");
    let (pool, remote, _seen) = watched_pool(watching().with_max_concurrent_per_session(slots));
    let alice = request(fake::endpoint("a"), "alice");
    let mut leases = Vec::new();
    for held in 1..=3 {
        leases.push(pool.acquire(&alice).await.expect("a slot"));
        assert_eq!((remote.connects(), pool.held_leases(9).len()), (1, held));
    }
    let held = pool.held_leases(9);
    assert!(pool.end_lease(held[1].number));
    assert!(!pool.end_lease(held[0].number), "it ended with the other");
    let next = pool.acquire(&alice).await.expect("a new session");
    assert_eq!(remote.connects(), 2);
    drop(leases);
    let stats = pool.stats();
    assert_eq!((stats.total_sessions, stats.total_active_sessions), (1, 1));
    drop(next);
    let page = pool.key_stats(&mcp_session_pool::stats::KeyQuery::default());
    assert_eq!((page.rows[0].in_use, page.rows[0].available), (0, 1));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_watches_no_leases_has_none_to_show() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    advance(OVERDUE * 100).await;
    assert!(pool.held_leases(100).is_empty() && !pool.end_lease(1));
    assert_eq!(pool.stats().leases_overdue, 0);
    drop(lease);
    close(&pool).await;
}
