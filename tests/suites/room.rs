//! Whoever waits for room gets it as soon as there is some, and nobody makes room for whoever left.

use std::time::Duration;

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{AcquireError, AcquireRequest, FaultKind, PoolConfig, SessionPool};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::common::{close, eventually, pool_over, request};

const A_MOMENT: Duration = Duration::from_millis(50);

fn limits(sessions: usize, keys: usize) -> PoolConfig {
    PoolConfig {
        max_total_sessions: sessions,
        max_total_keys: keys,
        ..PoolConfig::default()
    }
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
