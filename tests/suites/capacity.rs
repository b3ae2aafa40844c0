//! A waiter gets capacity as soon as there is some, and a caller that left evicts no session.

use std::time::Duration;

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, SessionPool,
    error::{AcquireError, FaultKind},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::common::{close, eventually, pool_over, request};

const A_MOMENT: Duration = Duration::from_millis(50);

fn limits(sessions: usize, keys: usize) -> PoolConfig {
    PoolConfig::default()
        .with_max_total_sessions(sessions)
        .with_max_total_keys(keys)
}

fn of(user: &str) -> AcquireRequest {
    request(fake::endpoint("a"), user)
}

/// A caller that waits for a session, returns it at once, and reports the time of the lease.
async fn waiter(pool: &SessionPool, user: &str) -> JoinHandle<Result<Instant, AcquireError>> {
    let (pool, request) = (pool.clone(), of(user));
    let waits = tokio::spawn(async move {
        let lease = pool.acquire(&request).await?;
        drop(lease);
        Ok(Instant::now())
    });
    sleep(A_MOMENT).await;
    assert!(!waits.is_finished(), "there is no capacity");
    waits
}

/// A caller that waits for a key, and reports the time at which it got one.
async fn waiter_for_key(pool: &SessionPool, user: &str) -> JoinHandle<Instant> {
    let (pool, request) = (pool.clone(), of(user));
    let waits = tokio::spawn(async move {
        pool.resolve_key(&request).await.expect("a key");
        Instant::now()
    });
    sleep(A_MOMENT).await;
    assert!(!waits.is_finished(), "there is no capacity");
    waits
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_is_reclaimed_while_every_key_is_busy() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 2));
    let used = pool.acquire(&of("alice")).await.expect("a session");
    let idle = pool.acquire(&of("alice")).await.expect("a session");
    let bob = waiter(&pool, "bob").await;
    let idle_at = Instant::now();
    drop(idle);
    let served = bob
        .await
        .expect("no panic")
        .expect("the permit of the idle session");
    assert_eq!(served, idle_at);
    assert_eq!((remote.connects(), pool.stats().evictions), (3, 1));
    drop(used);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_reclaimed_key_without_sessions_takes_no_session_permit_with_it() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 2));
    pool.acquire(&of("empty"))
        .await
        .expect("a session")
        .discard();
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    // The returned session serves the waiter while its connect still waits for capacity.
    let second = waiter(&pool, "alice").await;
    drop(lease);
    second.await.expect("no panic").expect("a session");
    let began = Instant::now();
    for user in ["bob", "carol", "alice", "dave"] {
        drop(pool.acquire(&of(user)).await.expect("a session"));
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_reclaimed_as_soon_as_its_only_session_is_discarded() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = waiter(&pool, "bob").await;
    let discarded_at = Instant::now();
    lease.discard();
    let served = bob.await.expect("no panic").expect("a session");
    assert_eq!(served, discarded_at);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn waiters_for_the_same_new_key_share_one_permit() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = of("bob");
    let (first, second, ()) = tokio::join!(pool.acquire(&bob), pool.acquire(&bob), async {
        sleep(A_MOMENT).await;
        lease.discard();
    });
    // Both hold a session: neither has waited until the key of the other was unused.
    let (first, second) = (first.expect("a session"), second.expect("a session"));
    assert_eq!(first.key(), second.key());
    drop((first, second));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_reclaimed_as_soon_as_its_only_connect_fails() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    remote.on_connect(Behaviour::Never);
    let alice = waiter(&pool, "alice").await;
    let bob = waiter_for_key(&pool, "bob").await;
    let failed_at = Instant::now();
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    alice.await.expect("no panic").expect_err("it fails");
    assert_eq!(bob.await.expect("no panic"), failed_at);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_reclaimed_as_soon_as_its_only_connect_is_obsolete() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    remote.on_connect(Behaviour::Never);
    waiter(&pool, "alice").await.abort();
    sleep(A_MOMENT).await;
    pool.drain();
    let bob = waiter_for_key(&pool, "bob").await;
    let late_at = Instant::now();
    remote.on_connect(Behaviour::Ok);
    assert_eq!(bob.await.expect("no panic"), late_at);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_reclaimed_as_soon_as_its_last_waiter_leaves() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 2));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = waiter(&pool, "bob").await;
    let carol = waiter_for_key(&pool, "carol").await;
    let left_at = Instant::now();
    bob.abort();
    assert_eq!(carol.await.expect("no panic"), left_at);
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_reclaimed_as_soon_as_its_waiters_time_out() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 2));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let hurried = of("bob").with_timeout(Duration::from_secs(1));
    let (failed_at, carol) = tokio::join!(
        async {
            pool.acquire(&hurried).await.expect_err("no capacity");
            Instant::now()
        },
        async {
            pool.resolve_key(&of("carol")).await.expect("a key");
            Instant::now()
        }
    );
    assert!(carol - failed_at < A_MOMENT, "{:?}", carol - failed_at);
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_queued_connect_is_cancelled_at_the_deadline_of_its_last_waiter() {
    let (connector, _remote) = fake::connector();
    let config = limits(1, 2).with_max_sessions_per_key(1);
    let pool = pool_over(connector, config);
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let first = waiter(&pool, "bob").await;
    let hurried = of("bob").with_timeout(Duration::from_secs(1));
    let began = Instant::now();
    let (_, carol) = tokio::join!(
        async {
            tokio::join!(pool.acquire(&hurried), async { first.abort() })
                .0
                .expect_err("no capacity")
        },
        async {
            pool.resolve_key(&of("carol")).await.expect("a key");
            Instant::now()
        }
    );
    let waited = carol - began;
    assert!(waited < Duration::from_secs(1) + A_MOMENT, "{waited:?}");
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_left_evicts_no_session() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 0));
    let alice = pool.acquire(&of("alice")).await.expect("a session");
    let bob = pool.acquire(&of("bob")).await.expect("a session");
    let carol = waiter(&pool, "carol").await;
    carol.abort();
    sleep(A_MOMENT).await;
    drop(bob);
    sleep(A_MOMENT).await;
    assert_eq!((remote.open(), pool.stats().evictions), (2, 0));
    drop(alice);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_received_a_returned_session_evicts_no_session() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 0));
    let alice = pool.acquire(&of("alice")).await.expect("a session");
    let bob = pool.acquire(&of("bob")).await.expect("a session");
    let second = waiter(&pool, "alice").await;
    drop(alice);
    second
        .await
        .expect("no panic")
        .expect("the returned session");
    drop(bob);
    sleep(A_MOMENT).await;
    assert_eq!((remote.open(), remote.connects()), (2, 2));
    assert_eq!(pool.stats().evictions, 0);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn every_permit_that_is_released_at_once_reaches_a_waiter() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(4, 0));
    let mut leases = Vec::new();
    for user in ["a", "b", "c", "d"] {
        leases.push(pool.acquire(&of(user)).await.expect("a session"));
    }
    let mut waiting = Vec::new();
    for user in ["e", "f", "g", "h"] {
        waiting.push(waiter(&pool, user).await);
    }
    let free_at = Instant::now();
    drop(leases);
    for caller in waiting {
        let served = caller.await.expect("no panic").expect("a session");
        assert_eq!(served, free_at);
    }
    assert_eq!(remote.connects(), 8);
    assert_eq!(pool.stats().evictions, 4, "one for each of them");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn keys_in_constant_use_release_sessions_to_waiters() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 0));
    // Each caller acquires its session again as soon as it has returned it.
    let busy = ["alice", "bob"].map(|user| {
        let (pool, request) = (pool.clone(), of(user));
        tokio::spawn(async move {
            loop {
                let lease = pool.acquire(&request).await.expect("a session");
                sleep(Duration::from_millis(1)).await;
                drop(lease);
            }
        })
    });
    sleep(A_MOMENT).await;
    assert_eq!(remote.connects(), 2, "without another caller");
    let began = Instant::now();
    for user in ["carol", "dave"] {
        drop(pool.acquire(&of(user)).await.expect("a session"));
    }
    assert!(began.elapsed() < A_MOMENT, "{:?}", began.elapsed());
    for user in busy {
        user.abort();
        user.await.expect_err("it went on all the time");
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_key_is_reclaimed_first() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(4, 0));
    let at = |user: &str| request(fake::endpoint(user), user);
    let a = pool.acquire(&at("a")).await.expect("a session");
    let more_of_a = pool.acquire(&at("a")).await.expect("a session");
    drop((a, more_of_a));
    // `b` is used again in between, so an earlier scan no longer holds for it.
    let steps = [
        ("b", "a 2, b 1"),
        ("c", "a 2, b 1, c 1"),
        ("d", "a 1, b 1, c 1, d 1"),
        ("b", "a 1, b 1, c 1, d 1"),
        ("e", "b 1, c 1, d 1, e 1"),
        ("f", "b 1, d 1, e 1, f 1"),
        ("g", "b 1, e 1, f 1, g 1"),
        ("h", "e 1, f 1, g 1, h 1"),
    ];
    for (user, expected) in steps {
        sleep(A_MOMENT).await;
        drop(pool.acquire(&at(user)).await.expect("a session"));
        let open = ["a", "b", "c", "d", "e", "f", "g", "h"]
            .map(|user| (user, remote.open_at(&fake::endpoint(user))))
            .iter()
            .filter(|(_, open)| *open > 0)
            .map(|(user, open)| format!("{user} {open}"))
            .collect::<Vec<_>>();
        assert_eq!(open.join(", "), expected, "after {user}");
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_for_capacity_fails_when_the_pool_closes() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 1));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = waiter(&pool, "bob").await;
    let (report, ()) = tokio::join!(pool.close(Duration::from_secs(10)), async {
        eventually("bob fails", || bob.is_finished()).await;
        drop(lease);
    });
    let error = bob
        .await
        .expect("no panic")
        .expect_err("the pool is closed");
    assert!(matches!(error, AcquireError::Closed), "{error}");
    assert_eq!((report.turned_away, report.complete), (1, true));
}

/// The time to open sessions of new users that each need a reclaim, among this many keys.
async fn reclaim_among(keys: usize) -> Duration {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(SESSIONS, 0));
    let user = |number: usize| of(&format!("user-{number}"));
    for number in 0..keys {
        pool.resolve_key(&user(number)).await.expect("a key");
    }
    for number in 0..SESSIONS {
        drop(pool.acquire(&user(number)).await.expect("a session"));
    }
    let began = Instant::now();
    for number in SESSIONS..SESSIONS * 2 {
        drop(pool.acquire(&user(number)).await.expect("a session"));
    }
    let took = began.elapsed();
    assert_eq!(pool.stats().evictions, SESSIONS as u64);
    close(&pool).await;
    took
}

#[tokio::test]
async fn a_reclaim_does_not_scan_every_key_each_time() {
    // The machine may have stood still during some of the runs, and not during the quickest one. A
    // scan of every key for each reclaim takes six times as long in each of them, and one scan for
    // many reclaims less than twice.
    let (mut few, mut many) = (Duration::MAX, Duration::MAX);
    for _ in 0..RUNS {
        few = few.min(reclaim_among(SESSIONS * 2).await);
        many = many.min(reclaim_among(SESSIONS * 200).await);
        if many < few * 4 {
            return;
        }
    }
    panic!(
        "among {} keys {few:?}, among a hundred times as many {many:?}",
        SESSIONS * 2
    );
}

const RUNS: usize = 10;

const SESSIONS: usize = 100;

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_its_endpoint_to_return_takes_no_capacity_from_others() {
    let (connector, remote) = fake::connector();
    let config = limits(1, 10)
        .with_circuit_breaker_threshold(1)
        .with_circuit_breaker_patience(Duration::from_secs(20))
        .with_circuit_breaker_reset(Duration::from_secs(10));
    let pool = pool_over(connector, config);
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let refused = pool.acquire(&of("alice")).await;
    refused.expect_err("no server");
    remote.on_connect(Behaviour::Ok);
    let alice = waiter(&pool, "alice").await;
    let began = Instant::now();
    let elsewhere = request(fake::endpoint("b"), "bob");
    drop(pool.acquire(&elsewhere).await.expect("the one session"));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(!alice.is_finished());
    alice.abort();
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn no_session_is_opened_for_a_caller_that_left_before_its_endpoint_returned() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_circuit_breaker_threshold(1)
        .with_circuit_breaker_patience(Duration::from_secs(20))
        .with_circuit_breaker_reset(Duration::from_secs(10));
    let pool = pool_over(connector, config);
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let refused = pool.acquire(&of("alice")).await;
    refused.expect_err("no server");
    remote.on_connect(Behaviour::Ok);
    waiter(&pool, "alice").await.abort();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(remote.connects(), 1, "the one that failed");
    close(&pool).await;
}
