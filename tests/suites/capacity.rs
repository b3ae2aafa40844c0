//! Whoever waits for room gets it as soon as there is some, and nobody makes room for whoever left.

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

/// Somebody who stands in line for a session, keeps it no longer than it takes to return it, and
/// says when it came.
async fn in_line(pool: &SessionPool, user: &str) -> JoinHandle<Result<Instant, AcquireError>> {
    let (pool, request) = (pool.clone(), of(user));
    let waits = tokio::spawn(async move {
        let lease = pool.acquire(&request).await?;
        drop(lease);
        Ok(Instant::now())
    });
    sleep(A_MOMENT).await;
    assert!(!waits.is_finished(), "there is no room");
    waits
}

/// The same for a key alone.
async fn in_line_for_key(pool: &SessionPool, user: &str) -> JoinHandle<Instant> {
    let (pool, request) = (pool.clone(), of(user));
    let waits = tokio::spawn(async move {
        pool.key(&request).await.expect("a key");
        Instant::now()
    });
    sleep(A_MOMENT).await;
    assert!(!waits.is_finished(), "there is no room");
    waits
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_makes_room_though_every_key_is_taken_and_busy() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 2));
    let used = pool.acquire(&of("alice")).await.expect("a session");
    let idle = pool.acquire(&of("alice")).await.expect("a session");
    let bob = in_line(&pool, "bob").await;
    let idle_at = Instant::now();
    drop(idle);
    let served = bob.await.expect("no panic").expect("the idle one's place");
    assert_eq!(served, idle_at);
    assert_eq!((remote.connects(), pool.stats().evictions), (3, 1));
    drop(used);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_without_sessions_that_makes_room_takes_nothing_from_who_wants_a_session() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 2));
    pool.acquire(&of("empty"))
        .await
        .expect("a session")
        .discard();
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    // Served by the session that comes back, while a connect for it still looks for room.
    let second = in_line(&pool, "alice").await;
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
async fn a_key_makes_room_the_moment_its_only_session_is_given_up() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = in_line(&pool, "bob").await;
    let given_up_at = Instant::now();
    lease.discard();
    let served = bob.await.expect("no panic").expect("a session");
    assert_eq!(served, given_up_at);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_one_new_key_need_one_place_together() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = of("bob");
    let (first, second, ()) = tokio::join!(pool.acquire(&bob), pool.acquire(&bob), async {
        sleep(A_MOMENT).await;
        lease.discard();
    });
    // Both at the same time: neither has waited for the other's key to be unused.
    let (first, second) = (first.expect("a session"), second.expect("a session"));
    assert_eq!(first.key(), second.key());
    drop((first, second));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_room_the_moment_its_only_connect_fails() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    remote.on_connect(Behaviour::Never);
    let alice = in_line(&pool, "alice").await;
    let bob = in_line_for_key(&pool, "bob").await;
    let failed_at = Instant::now();
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    alice.await.expect("no panic").expect_err("it fails");
    assert_eq!(bob.await.expect("no panic"), failed_at);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_room_the_moment_its_only_connect_comes_too_late() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(0, 1));
    remote.on_connect(Behaviour::Never);
    in_line(&pool, "alice").await.abort();
    sleep(A_MOMENT).await;
    pool.drain();
    let bob = in_line_for_key(&pool, "bob").await;
    let late_at = Instant::now();
    remote.on_connect(Behaviour::Ok);
    assert_eq!(bob.await.expect("no panic"), late_at);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_room_the_moment_the_last_of_its_line_leaves() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 2));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = in_line(&pool, "bob").await;
    let carol = in_line_for_key(&pool, "carol").await;
    let left_at = Instant::now();
    bob.abort();
    assert_eq!(carol.await.expect("no panic"), left_at);
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_room_the_moment_the_patience_of_its_line_ends() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 2));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let impatient = of("bob").with_timeout(Duration::from_secs(1));
    let (failed_at, carol) = tokio::join!(
        async {
            pool.acquire(&impatient).await.expect_err("no room");
            Instant::now()
        },
        async {
            pool.key(&of("carol")).await.expect("a key");
            Instant::now()
        }
    );
    assert!(carol - failed_at < A_MOMENT, "{:?}", carol - failed_at);
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_connect_in_line_is_given_up_with_the_patience_of_the_last_who_counts_on_it() {
    let (connector, _remote) = fake::connector();
    let config = limits(1, 2).with_max_sessions_per_key(1);
    let pool = pool_over(connector, config);
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let first = in_line(&pool, "bob").await;
    let impatient = of("bob").with_timeout(Duration::from_secs(1));
    let began = Instant::now();
    let (_, carol) = tokio::join!(
        async {
            tokio::join!(pool.acquire(&impatient), async { first.abort() })
                .0
                .expect_err("no room")
        },
        async {
            pool.key(&of("carol")).await.expect("a key");
            Instant::now()
        }
    );
    let waited = carol - began;
    assert!(waited < Duration::from_secs(1) + A_MOMENT, "{waited:?}");
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_evicted_for_a_caller_who_left() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 0));
    let alice = pool.acquire(&of("alice")).await.expect("a session");
    let bob = pool.acquire(&of("bob")).await.expect("a session");
    let carol = in_line(&pool, "carol").await;
    carol.abort();
    sleep(A_MOMENT).await;
    drop(bob);
    sleep(A_MOMENT).await;
    assert_eq!((remote.open(), pool.stats().evictions), (2, 0));
    drop(alice);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_evicted_for_a_caller_who_was_served_by_what_came_back() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 0));
    let alice = pool.acquire(&of("alice")).await.expect("a session");
    let bob = pool.acquire(&of("bob")).await.expect("a session");
    let second = in_line(&pool, "alice").await;
    drop(alice);
    second.await.expect("no panic").expect("what came back");
    drop(bob);
    sleep(A_MOMENT).await;
    assert_eq!((remote.open(), remote.connects()), (2, 2));
    assert_eq!(pool.stats().evictions, 0);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn every_place_that_comes_free_at_once_reaches_somebody_in_line() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(4, 0));
    let mut leases = Vec::new();
    for user in ["a", "b", "c", "d"] {
        leases.push(pool.acquire(&of(user)).await.expect("a session"));
    }
    let mut waiting = Vec::new();
    for user in ["e", "f", "g", "h"] {
        waiting.push(in_line(&pool, user).await);
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
async fn whoever_never_lets_go_of_a_session_for_long_leaves_room_for_others() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(2, 0));
    // Each takes its session again the moment it gives it back.
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
    assert_eq!(remote.connects(), 2, "as long as nobody else wants one");
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
async fn of_the_keys_that_could_make_room_the_one_used_the_longest_ago_does() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, limits(4, 0));
    let at = |user: &str| request(fake::endpoint(user), user);
    let a = pool.acquire(&at("a")).await.expect("a session");
    let more_of_a = pool.acquire(&at("a")).await.expect("a session");
    drop((a, more_of_a));
    // Between them `b` is used again, so that what was found out before holds of it no more.
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
async fn whoever_waits_for_room_is_told_of_the_end_of_the_pool() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(1, 1));
    let lease = pool.acquire(&of("alice")).await.expect("a session");
    let bob = in_line(&pool, "bob").await;
    let (report, ()) = tokio::join!(pool.close(Duration::from_secs(10)), async {
        eventually("bob is told", || bob.is_finished()).await;
        drop(lease);
    });
    let error = bob
        .await
        .expect("no panic")
        .expect_err("the pool is closed");
    assert!(matches!(error, AcquireError::Closed), "{error}");
    assert_eq!((report.turned_away, report.complete), (1, true));
}

/// How long it takes to open sessions of new users where each of them needs room, among so many keys.
async fn room_among(keys: usize) -> Duration {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, limits(SESSIONS, 0));
    let user = |number: usize| of(&format!("user-{number}"));
    for number in 0..keys {
        pool.key(&user(number)).await.expect("a key");
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
async fn room_is_made_without_looking_at_every_key_each_time() {
    let few = room_among(SESSIONS * 2).await;
    let many = room_among(SESSIONS * 200).await;
    println!(
        "among {} keys {few:?}, among a hundred times as many {many:?}",
        SESSIONS * 2
    );
    assert!(many < few * 20, "{few:?} {many:?}");
}

const SESSIONS: usize = 100;

/// A random number below `below`; the same for the same seed.
fn below(seed: &mut u64, below: u64) -> u64 {
    // Knuth's MMIX generator; its upper half is the better one.
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

fn any_limits(seed: &mut u64) -> PoolConfig {
    let mut up_to = |most: usize| 1 + below(seed, most as u64) as usize;
    let slots = u32::try_from(up_to(3)).expect("at most 3");
    let slots = slots.try_into().expect("at least 1");
    PoolConfig::default()
        .with_max_sessions_per_key(up_to(3))
        .with_max_concurrent_per_session(slots)
        .with_max_total_sessions(up_to(5))
        .with_max_total_keys(up_to(4))
        .with_session_ttl(Duration::from_millis([5, 1_000_000][up_to(2) - 1]))
        .with_idle_pool_eviction(Duration::from_millis([3, 1_000_000][up_to(2) - 1]))
        .with_circuit_breaker_threshold(1_000_000)
        .with_enabled(up_to(8) > 1)
}

/// Whatever somebody may do with a pool, for a while.
async fn come_and_go(pool: SessionPool, remote: fake::Remote, mut seed: u64) {
    for _ in 0..20 {
        match below(&mut seed, 12) {
            0 => remote.on_connect(Behaviour::Fail(FaultKind::Unreachable)),
            1 => remote.on_connect(Behaviour::Slow(Duration::from_millis(2))),
            2 | 3 => remote.on_connect(Behaviour::Ok),
            4 => remote.end_sessions(),
            5 => drop(pool.drain()),
            _ => {}
        }
        let me = of(&format!("user-{}", below(&mut seed, 6)));
        let patience = match below(&mut seed, 3) {
            0 => Duration::from_millis(below(&mut seed, 4)),
            _ => Duration::MAX,
        };
        match tokio::time::timeout(patience, pool.acquire(&me)).await {
            Ok(Ok(lease)) => {
                sleep(Duration::from_millis(below(&mut seed, 4))).await;
                if below(&mut seed, 4) == 0 {
                    lease.discard();
                }
            }
            Ok(Err(AcquireError::Connect(_))) | Err(_) => {}
            Ok(Err(error)) => panic!("somebody was not served: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_in_vain_whatever_the_limits_and_whatever_the_others_do() {
    for first in 0..SEEDS {
        let mut seed = first;
        let config = any_limits(&mut seed);
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, config.clone());
        let crowd = (0..12).map(|user| {
            let seed = first * 1_000 + user;
            tokio::spawn(come_and_go(pool.clone(), remote.clone(), seed))
        });
        for somebody in crowd.collect::<Vec<_>>() {
            somebody
                .await
                .unwrap_or_else(|error| panic!("seed {first}, {config:?}: {error}"));
        }
        remote.on_connect(Behaviour::Ok);
        for user in 0..6 {
            let lease = pool.acquire(&of(&format!("user-{user}"))).await;
            drop(lease.unwrap_or_else(|error| panic!("afterwards, seed {first}: {error}")));
        }
        close(&pool).await;
        assert_eq!(remote.open() + remote.connecting(), 0, "seed {first}");
    }
}

/// Enough to meet every limit with every other one.
const SEEDS: u64 = 40;
