//! Many keys are evicted and closed some at a time, so that other tasks run meanwhile.

use std::time::Duration;

use futures::poll;
use mcp_pool_testkit::fake::{self, Remote};
use mcp_session_pool::{
    EvictMode, Lease, PoolConfig, Selector, SessionPool, error::AcquireError, stats::EvictReport,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, yield_now},
    time::sleep,
};

use crate::common::{close, eventually, pool_over, request};

/// A pool with an idle session for each of so many users.
async fn pool_of(users: usize) -> (SessionPool, Remote) {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_sessions_per_key(1);
    let pool = pool_over(connector, config);
    for user in 0..users {
        drop(acquire(&pool, user).await.expect("a session"));
    }
    assert_eq!(remote.open(), users);
    (pool, remote)
}

async fn acquire(pool: &SessionPool, user: usize) -> Result<Lease, AcquireError> {
    let user = request(fake::endpoint("a"), &format!("user-{user}"));
    pool.acquire(&user).await
}

/// Counts its turns without end.
fn turns() -> (JoinHandle<()>, watch::Receiver<usize>) {
    let (count, counted) = watch::channel(0);
    let counting = tokio::spawn(async move {
        loop {
            count.send_modify(|turns| *turns += 1);
            yield_now().await;
        }
    });
    (counting, counted)
}

#[tokio::test(start_paused = true)]
async fn other_tasks_run_while_a_large_pool_is_drained() {
    let (pool, remote) = pool_of(USERS).await;
    let (counting, turns) = turns();
    let report = pool.drain_in_slices().await;
    let turns = *turns.borrow();
    counting.abort();
    assert!(turns >= USERS / SLICE, "{turns} turns of another task");
    assert_eq!(counts(report), (USERS, USERS, 0));
    let lease = acquire(&pool, 0).await.expect("a session");
    assert!(lease.is_fresh(), "no session of before is handed out");
    drop(lease);
    eventually("they are closed", || remote.open() == 1).await;
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_an_endpoint_are_evicted_in_slices_with_the_sessions_in_use_and_no_others() {
    let (pool, remote) = pool_of(USERS).await;
    let other = request(fake::endpoint("b"), "other");
    drop(pool.acquire(&other).await.expect("a session"));
    let held = acquire(&pool, 7).await.expect("a session");
    let selector = Selector::endpoint(&fake::endpoint("a"));
    let report = pool.evict_in_slices(&selector, EvictMode::Force).await;
    assert_eq!(counts(report), (USERS, USERS - 1, 1));
    eventually("those in use are closed, too", || remote.open() == 1).await;
    let lease = pool.acquire(&other).await.expect("a session");
    assert!(!lease.is_fresh(), "the session of the other endpoint stays");
    drop((lease, held));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_given_up_leaves_each_key_wholly_as_it_was_or_evicted() {
    let (pool, remote) = pool_of(USERS).await;
    {
        let mut drain = std::pin::pin!(pool.drain_in_slices());
        assert!(poll!(drain.as_mut()).is_pending());
    }
    eventually("some are closed", || remote.open() < USERS).await;
    let kept = remote.open();
    assert!(kept > 0, "not all were reached");
    let mut found = 0;
    for user in 0..USERS {
        let lease = acquire(&pool, user).await.expect("a session");
        found += usize::from(!lease.is_fresh());
    }
    assert_eq!(found, kept);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_close_ends_the_waiting_in_slices_and_at_once_where_it_is_given_up() {
    let (pool, remote) = pool_of(USERS).await;
    let held = futures::future::join_all((0..USERS).map(|user| acquire(&pool, user))).await;
    let waiting: Vec<_> = (0..USERS)
        .map(|user| {
            let pool = pool.clone();
            tokio::spawn(async move { acquire(&pool, user).await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(1)).await;
    {
        let mut close = std::pin::pin!(pool.close(Duration::from_secs(60)));
        assert!(poll!(close.as_mut()).is_pending());
        sleep(Duration::from_millis(1)).await;
        let ended = waiting.iter().filter(|waiting| waiting.is_finished());
        assert_eq!(ended.count(), SLICE);
    }
    for waited in waiting {
        let error = waited.await.expect("no panic").expect_err("closed");
        assert!(matches!(error, AcquireError::Closed), "{error:?}");
    }
    drop(held);
    eventually("all are closed", || remote.open() == 0).await;
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_pool_is_closed_under_its_users() {
    let (pool, remote) = pool_of(USERS).await;
    let held = futures::future::join_all((0..USERS).map(|user| acquire(&pool, user))).await;
    let report = pool.close(Duration::ZERO).await;
    assert_eq!((report.forced, report.unfinished), (USERS as u64, 0));
    drop(held);
    assert_eq!(remote.open(), 0);
}

/// The keys, the sessions that are being closed and those in use.
fn counts(report: EvictReport) -> (usize, usize, usize) {
    (report.keys, report.closing, report.in_use)
}

const USERS: usize = 110;
/// The keys that are evicted or closed before other tasks run.
const SLICE: usize = 25;
