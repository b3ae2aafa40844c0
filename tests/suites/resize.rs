//! The limits of a pool change while it works.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::join_all};
use mcp_pool_testkit::{
    fake::{self, Remote},
    server::CounterServer,
};
use mcp_session_pool::{
    Lease, PoolConfig, Scope, SessionPool,
    config::PoolLimits,
    error::{AcquireError, ConfigError, ResizeError, Stage},
    event::{CloseReason, Closed, Resized},
    extend::Observer,
};

use crate::common::{call, client, close, eventually, pool_over, request};

/// Keeps the changes of limits and the reasons of closes.
#[derive(Default)]
struct Log {
    resized: Mutex<Vec<(PoolLimits, PoolLimits)>>,
    closed: Mutex<Vec<CloseReason>>,
}

impl Observer for Log {
    fn resized(&self, event: &Resized<'_>) {
        let change = (event.before(), event.after());
        self.resized.lock().expect("not poisoned").push(change);
    }

    fn closed(&self, event: &Closed<'_>) {
        self.closed
            .lock()
            .expect("not poisoned")
            .push(event.reason());
    }
}

fn pool(config: PoolConfig) -> (SessionPool, Remote, Arc<Log>) {
    let (connector, remote) = fake::connector();
    let log = Arc::new(Log::default());
    let builder = SessionPool::builder().config(config).connector(connector);
    let pool = builder.observer(Arc::clone(&log)).build();
    (pool.expect("a valid configuration"), remote, log)
}

async fn lease(pool: &SessionPool, user: &str) -> Lease {
    let lease = pool.acquire(&request(fake::endpoint(user), user)).await;
    lease.expect("a session")
}

async fn leases(pool: &SessionPool, user: &str, count: usize) -> Vec<Lease> {
    join_all((0..count).map(|_| lease(pool, user))).await
}

/// Lets every task that is ready run. The clock is paused.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn under_a_lower_limit_of_a_key_a_session_in_use_is_kept_until_it_is_released() {
    let (pool, remote, log) = pool(PoolConfig::default().with_max_sessions_per_key(5));
    let mut held = leases(&pool, "a", 5).await;
    drop(held.split_off(3));
    pool.resize(pool.limits().with_max_sessions_per_key(1))
        .expect("a valid limit");
    settle().await;
    assert_eq!(
        remote.open(),
        3,
        "idle ones are closed, those in use are not"
    );
    for lease in &held {
        assert!(!lease.peer().await.expect("a peer").is_transport_closed());
    }
    for open in [2, 1, 1] {
        drop(held.pop());
        settle().await;
        assert_eq!(remote.open(), open);
    }
    assert!(!lease(&pool, "a").await.is_fresh(), "the last one is kept");
    let reasons = log.closed.lock().expect("not poisoned").clone();
    assert_eq!(reasons, [CloseReason::Resized; 4]);
    assert_eq!(pool.stats().evictions, 4);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn under_a_lower_limit_waiters_get_no_session_above_it() {
    let (pool, remote, _) = pool(PoolConfig::default().with_max_sessions_per_key(3));
    let mut held = leases(&pool, "a", 3).await;
    let mut waiter = Box::pin(lease(&pool, "a"));
    assert!(waiter.as_mut().now_or_never().is_none());
    pool.resize(pool.limits().with_max_sessions_per_key(1))
        .expect("a valid limit");
    for open in [2, 1] {
        drop(held.pop());
        settle().await;
        assert!(waiter.as_mut().now_or_never().is_none());
        assert_eq!(remote.open(), open);
    }
    drop(held.pop());
    drop(waiter.await);
    assert_eq!(remote.connects(), 3, "the waiter got the last session");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_with_several_users_above_a_lower_limit_is_closed_after_the_last_of_them() {
    let config = PoolConfig::default()
        .with_max_sessions_per_key(3)
        .with_max_concurrent_per_session(2.try_into().expect("not zero"));
    let (pool, remote, log) = pool(config);
    let mut held = leases(&pool, "a", 5).await;
    assert_eq!(remote.open(), 3);
    pool.resize(pool.limits().with_max_sessions_per_key(1))
        .expect("a valid limit");
    settle().await;
    assert_eq!(remote.open(), 3);
    while held.pop().is_some() {
        settle().await;
    }
    assert_eq!(remote.open(), 1);
    let reasons = log.closed.lock().expect("not poisoned").clone();
    assert_eq!(reasons, [CloseReason::Resized; 2]);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn under_a_lower_limit_of_the_pool_the_least_recently_used_sessions_are_closed_first() {
    let (pool, remote, log) = pool(PoolConfig::default());
    for user in ["a", "b", "c", "d"] {
        drop(lease(&pool, user).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(lease(&pool, "a").await);
    pool.resize(pool.limits().with_max_total_sessions(2))
        .expect("a valid limit");
    settle().await;
    let open = ["a", "b", "c", "d"].map(|user| remote.open_at(&fake::endpoint(user)));
    assert_eq!(open, [1, 0, 0, 1]);
    let reasons = log.closed.lock().expect("not poisoned").clone();
    assert_eq!(reasons, [CloseReason::Resized; 2]);
    let status = pool.status();
    assert_eq!((status.sessions, status.max_total_sessions), (2, 2));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn under_a_lower_limit_of_the_pool_sessions_in_use_are_closed_with_their_leases() {
    let (pool, remote, log) = pool(PoolConfig::default());
    let mut held = leases(&pool, "a", 2).await;
    held.extend(leases(&pool, "b", 2).await);
    pool.resize(pool.limits().with_max_total_sessions(1))
        .expect("a valid limit");
    settle().await;
    assert_eq!(remote.open(), 4);
    assert!(!pool.status().is_full, "no caller waits");
    // A waiter of the same key gets none of the sessions that are too many.
    let mut waiter = Box::pin(lease(&pool, "a"));
    assert!(waiter.as_mut().now_or_never().is_none());
    for open in [3, 2, 1] {
        drop(held.remove(0));
        settle().await;
        assert_eq!(remote.open(), open);
        assert!(waiter.as_mut().now_or_never().is_none());
    }
    drop(held);
    drop(waiter.await);
    settle().await;
    assert_eq!((remote.open(), pool.status().sessions), (1, 1));
    let reasons = log.closed.lock().expect("not poisoned").clone();
    assert_eq!(reasons[..3], [CloseReason::Resized; 3]);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn keys_above_a_lower_limit_are_removed_once_they_are_unused() {
    let (pool, _, _) = pool(PoolConfig::default());
    let used = [lease(&pool, "a").await, lease(&pool, "b").await];
    for user in ["c", "d"] {
        drop(lease(&pool, user).await);
    }
    pool.resize(pool.limits().with_max_total_keys(1))
        .expect("a valid limit");
    settle().await;
    assert_eq!((pool.status().keys, pool.status().max_total_keys), (2, 1));
    for lease in used {
        drop(lease);
        settle().await;
    }
    assert_eq!(pool.status().keys, 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_higher_limit_serves_the_callers_that_wait_at_once_and_in_their_order() {
    type Change = fn(PoolLimits) -> PoolLimits;
    let cases: [(PoolConfig, Change); 2] = [
        (
            PoolConfig::default().with_max_sessions_per_key(1),
            |limits| limits.with_max_sessions_per_key(3),
        ),
        (PoolConfig::default().with_max_total_sessions(1), |limits| {
            limits.with_max_total_sessions(3)
        }),
    ];
    for (config, change) in cases {
        let (pool, remote, _) = pool(config);
        let held = lease(&pool, "a").await;
        let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(lease(&pool, "a"))).collect();
        for waiter in &mut waiters {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        settle().await;
        assert_eq!(remote.connects(), 1);
        pool.resize(change(pool.limits())).expect("a valid limit");
        settle().await;
        assert_eq!(remote.open(), 3);
        let served = waiters.iter_mut().map(|waiter| waiter.now_or_never());
        let served: Vec<_> = served.collect();
        let got: Vec<_> = served.iter().map(Option::is_some).collect();
        assert_eq!(got, [true, true, false], "{:?}", pool.limits());
        drop((served, held));
        drop(waiters.pop().expect("a waiter").await);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_ends_above_a_lower_limit_serves_its_caller_and_is_closed_after_it() {
    let (pool, remote, _) = pool(PoolConfig::default().with_max_sessions_per_key(2));
    let held = lease(&pool, "a").await;
    remote.on_connect(fake::Behaviour::Slow(Duration::from_secs(1)));
    let late = lease(&pool, "a");
    let (late, ()) = futures::join!(late, async {
        settle().await;
        pool.resize(pool.limits().with_max_sessions_per_key(1))
            .expect("a valid limit");
    });
    assert_eq!(remote.open(), 2);
    drop(late);
    settle().await;
    assert_eq!(remote.open(), 1);
    drop(held);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn new_limits_are_shown_observed_and_apply_to_keys_that_come_later() {
    let (pool, _, log) = pool(PoolConfig::default());
    let before = pool.limits();
    assert_eq!(before, pool.config().limits.pool_limits());
    let after = before
        .with_max_sessions_per_key(2)
        .with_max_total_keys(7)
        .with_max_total_sessions(9);
    pool.resize(after).expect("valid limits");
    pool.resize(after).expect("valid limits");
    assert_eq!(pool.limits(), after);
    let (status, stats) = (pool.status(), pool.stats());
    assert_eq!(status.max_sessions_per_key, 2);
    assert_eq!((status.max_total_keys, stats.max_total_keys), (7, 7));
    assert_eq!(
        (status.max_total_sessions, stats.max_total_sessions),
        (9, 9)
    );
    let changes = log.resized.lock().expect("not poisoned").clone();
    assert_eq!(changes, [(before, after)], "a change to the same is none");
    let held = leases(&pool, "a", 2).await;
    let brief = request(fake::endpoint("a"), "a").with_timeout(Duration::from_millis(5));
    let error = pool.acquire(&brief).await.expect_err("the limit");
    assert!(
        matches!(
            error,
            AcquireError::Timeout {
                stage: Stage::Queue,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(pool.stats().pools.values().all(|row| row.max == 2));
    drop(held);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_has_one_session_under_any_limit() {
    let (pool, remote, _) = pool(PoolConfig::default().with_max_sessions_per_key(1));
    let scope = Scope::conversation("talk");
    let me = request(fake::endpoint("a"), "a").with_scope(scope);
    let one = pool.acquire(&me).await.expect("a session");
    pool.resize(pool.limits().with_max_sessions_per_key(9))
        .expect("a valid limit");
    let two = pool.acquire(&me).await.expect("a session");
    assert_eq!(remote.open(), 1);
    drop((one, two));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_out_of_bounds_and_a_closed_pool_are_refused_and_change_nothing() {
    let (pool, _, log) = pool(PoolConfig::default());
    let before = pool.limits();
    let error = pool.resize(before.with_max_sessions_per_key(0).with_max_total_keys(1));
    let built = PoolConfig::default().with_max_sessions_per_key(0);
    let of_builder: ConfigError = built.validate().expect_err("out of bounds");
    assert_eq!(error, Err(ResizeError::Config(of_builder)));
    assert_eq!(pool.limits(), before);
    close(&pool).await;
    let error = pool.resize(before.with_max_total_keys(1));
    assert_eq!(error, Err(ResizeError::Closed));
    assert_eq!(pool.limits(), before);
    assert!(log.resized.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn calls_on_a_real_server_go_on_while_the_limits_change() {
    let server = CounterServer::start();
    let config = PoolConfig::default().with_max_sessions_per_key(1);
    let pool = crate::common::pool(config);
    let client = client(&pool, &server, "alice").await;
    for max in [4, 1, 3, 2, 1] {
        pool.resize(
            pool.limits()
                .with_max_sessions_per_key(max)
                .with_max_total_sessions(max),
        )
        .expect("valid limits");
        let calls = (0..8).map(|_| call(&client, "increment"));
        for count in join_all(calls).await {
            count.expect("a count");
        }
        eventually("no session above the limit", || {
            pool.status().sessions <= max
        })
        .await;
    }
    close(&pool).await;
    server.expect_no_session().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_that_change_all_the_time_lose_no_caller() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let crowd = (0..16).map(|number| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let user = format!("user-{}", number % 5);
            for _ in 0..100 {
                drop(lease(&pool, &user).await);
                tokio::task::yield_now().await;
            }
        })
    });
    let crowd: Vec<_> = crowd.collect();
    for round in 0.. {
        if crowd.iter().all(tokio::task::JoinHandle::is_finished) {
            break;
        }
        let limits = pool.limits();
        let limits = limits
            .with_max_sessions_per_key(1 + round % 3)
            .with_max_total_sessions(1 + round % 5)
            .with_max_total_keys(1 + round % 4);
        pool.resize(limits).expect("valid limits");
        tokio::task::yield_now().await;
    }
    for caller in crowd {
        caller.await.expect("no panic");
    }
    let limits = pool.limits().with_max_total_sessions(1);
    pool.resize(limits.with_max_total_keys(1))
        .expect("valid limits");
    eventually("the limits are kept", || {
        pool.status().sessions <= 1 && pool.status().keys <= 1
    })
    .await;
    close(&pool).await;
    assert_eq!(remote.open(), 0);
}
