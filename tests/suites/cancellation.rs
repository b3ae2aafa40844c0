//! A caller may drop an acquire at any await: nothing leaks and nothing is lost.

use std::{pin::pin, task::Poll, time::Duration};

use mcp_pool_testkit::{
    fake::{self, Behaviour, Remote},
    server::CounterServer,
};
use mcp_session_pool::{AcquireRequest, Lease, PoolConfig, SessionPool, error::FaultKind};
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};

use crate::common::{close, eventually, pool, pool_over, request};

/// The step in which an acquire is delayed.
#[derive(Clone, Copy, Debug)]
enum Step {
    Check,
    Close,
    Connect,
    Wait,
}

const STEPS: [Step; 4] = [Step::Check, Step::Close, Step::Connect, Step::Wait];
const MAX: usize = 2;
/// The time of a slow step; callers leave before, in the middle of, and after it.
const SLOW: Duration = Duration::from_millis(100);
/// Longer than anything that is to happen takes.
const LONG: Duration = Duration::from_secs(20);

fn behaviours() -> [Behaviour; 4] {
    [
        Behaviour::Ok,
        Behaviour::Fail(FaultKind::Unreachable),
        Behaviour::Slow(SLOW),
        Behaviour::Never,
    ]
}

#[tokio::test(start_paused = true)]
async fn an_acquire_dropped_at_any_await_of_any_step_leaves_nothing_behind() {
    let mut cases = 0;
    for step in STEPS {
        for behaviour in behaviours() {
            for awaits in 0..8 {
                for after in [0, 50, 150].map(Duration::from_millis) {
                    one_case(step, &behaviour, Leaves { awaits, after }).await;
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 4 * 4 * 8 * 3);
}

/// When a caller leaves: at an await or after a time, whichever comes first.
#[derive(Debug)]
struct Leaves {
    awaits: usize,
    after: Duration,
}

async fn one_case(step: Step, behaviour: &Behaviour, leaves: Leaves) {
    let what = format!("{step:?} {behaviour:?}, {leaves:?}");
    let (connector, remote) = fake::connector();
    let pool = pool_over(
        connector,
        PoolConfig::default()
            .with_max_sessions_per_key(MAX)
            .with_session_ttl(Duration::from_secs(60))
            .with_session_ttl_jitter(0.0)
            .with_health_check_interval(Duration::from_secs(10))
            .with_circuit_breaker_threshold(1_000),
    );
    let alice = request(fake::endpoint("a"), "alice");
    let held = arrange(step, behaviour, &pool, &remote, &alice).await;
    let acquire = timeout(leaves.after, left_at(leaves.awaits, pool.acquire(&alice)));
    let releases = release(step, behaviour, held);
    let (acquired, still_held) = tokio::join!(acquire, releases);
    drop(acquired);
    let waiting = |row: &mcp_session_pool::stats::KeyStats| row.waiting;
    let waiting: usize = pool.stats().pools.values().map(waiting).sum();
    assert_eq!(waiting, 0, "a waiter has left and is still queued: {what}");
    for set in [Remote::on_connect, Remote::on_check, Remote::on_close] {
        set(&remote, Behaviour::Ok);
    }
    drop(still_held);
    tokio::time::sleep(SLOW * 2).await;

    let stats = pool.stats();
    let row = stats.pools.values().next().expect("one key");
    assert_eq!(
        (row.active, row.connecting, row.waiting),
        (0, 0, 0),
        "{what}"
    );
    assert!(row.available <= MAX, "{what}");
    assert_eq!(stats.total_sessions, row.available, "{what}");
    assert_eq!(remote.open(), row.available, "an orphan: {what}");
    // No permit was lost either: all of them can be acquired at the same time.
    let all = futures::future::join_all((0..MAX).map(|_| pool.acquire(&alice))).await;
    assert!(all.iter().all(Result::is_ok), "{what}: {all:?}");
    drop(all);
    close(&pool).await;
    assert_eq!(remote.open() + remote.connecting(), 0, "{what}");
}

/// Prepares the pool so that the next acquire reaches the step.
async fn arrange(
    step: Step,
    behaviour: &Behaviour,
    pool: &SessionPool,
    remote: &Remote,
    alice: &AcquireRequest,
) -> Vec<Lease> {
    let idle = |age: u64| async move {
        drop(pool.acquire(alice).await.expect("a session"));
        tokio::time::sleep(Duration::from_secs(age)).await;
    };
    match step {
        Step::Connect => remote.on_connect(behaviour.clone()),
        Step::Check => {
            idle(20).await;
            remote.on_check(behaviour.clone());
        }
        Step::Close => {
            // The sessions are discarded, so that their closes are under way.
            let leases = futures::future::join_all((0..MAX).map(|_| pool.acquire(alice))).await;
            remote.on_close(behaviour.clone());
            for lease in leases {
                lease.expect("a session").discard();
            }
        }
        Step::Wait => {
            let leases = futures::future::join_all((0..MAX).map(|_| pool.acquire(alice))).await;
            return leases
                .into_iter()
                .map(|lease| lease.expect("a session"))
                .collect();
        }
    }
    Vec::new()
}

/// Returns the leases that the acquire waits for, and gives back those that are kept.
async fn release(step: Step, behaviour: &Behaviour, mut held: Vec<Lease>) -> Vec<Lease> {
    if !matches!(step, Step::Wait) {
        return held;
    }
    let lease = held.pop().expect("a lease");
    match behaviour {
        Behaviour::Ok => drop(lease),
        Behaviour::Fail(_) => lease.discard(),
        Behaviour::Slow(pause) => {
            tokio::time::sleep(*pause).await;
            drop(lease);
        }
        _ => held.push(lease),
    }
    held
}

/// Polls a future until it has been pending `awaits` times, then drops it.
async fn left_at<F: Future>(awaits: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut pending = 0;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if pending == awaits => Poll::Ready(None),
        Poll::Pending => {
            pending += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_connect_whose_caller_left_warms_the_pool_for_the_next_one() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    remote.on_connect(Behaviour::Slow(SLOW));
    let left = timeout(SLOW / 2, pool.acquire(&alice)).await;
    assert!(left.is_err());
    tokio::time::sleep(SLOW).await;
    assert!(!pool.acquire(&alice).await.expect("a session").is_fresh());
    assert_eq!(remote.connects(), 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_dropped_still_closes_the_pool() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    let left = left_at(1, pool.close(Duration::from_secs(60))).await;
    assert!(left.is_none());
    assert!(pool.acquire(&alice).await.is_err());
    assert_eq!(remote.open(), 1, "the lease is not cut");
    drop(lease);
    eventually("the session is closed", || remote.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_is_lost_by_waiters_that_leave_while_it_is_on_its_way_on_several_threads() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(
        connector,
        PoolConfig::default().with_max_sessions_per_key(MAX),
    );
    let alice = request(fake::endpoint("a"), "alice");
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let (pool, alice) = (pool.clone(), alice.clone());
        callers.spawn(async move {
            for round in 0..1_000 {
                let mut acquire = pin!(pool.acquire(&alice));
                let mut lease = None;
                for _ in 0..(caller * 7 + round * 5) % 9 {
                    match futures::poll!(&mut acquire) {
                        Poll::Ready(acquired) => lease = Some(acquired),
                        Poll::Pending => yield_now().await,
                    }
                    if lease.is_some() {
                        break;
                    }
                }
                if lease.is_none() && round % 3 == 0 {
                    let acquired = timeout(LONG, acquire).await;
                    lease = Some(acquired.expect("no waiter is forgotten"));
                }
                if let Some(lease) = lease {
                    let lease = lease.expect("a session");
                    yield_now().await;
                    drop(lease);
                }
            }
        });
    }
    callers.join_all().await;
    let leases = [(); MAX].map(|()| timeout(LONG, pool.acquire(&alice)));
    let leases = futures::future::join_all(leases).await.into_iter();
    let leases = leases.map(|lease| lease.expect("no session is lost").expect("a session"));
    assert_eq!(leases.collect::<Vec<_>>().len(), MAX);
    assert!(remote.open() <= MAX);
    close(&pool).await;
}

#[tokio::test]
async fn a_thousand_dropped_acquires_leave_nothing_open_on_a_real_server() {
    let server = CounterServer::start();
    server.switches().delay_initialize(Duration::from_millis(2));
    let pool = pool(
        PoolConfig::default()
            .with_max_sessions_per_key(2)
            .with_session_ttl(Duration::from_millis(30)),
    );
    let acquires = (0..1_000u64).map(|number| {
        let (pool, endpoint) = (pool.clone(), server.endpoint());
        async move {
            let me = request(endpoint, &format!("user-{}", number % 50));
            let stays = Duration::from_micros(number * 37 % 8_000);
            drop(timeout(stays, pool.acquire(&me)).await);
        }
    });
    futures::future::join_all(acquires).await;
    eventually("no connect is under way", || {
        let stats = pool.stats();
        stats.pools.values().all(|row| row.connecting == 0)
    })
    .await;
    let stats = pool.stats();
    assert_eq!(stats.total_active_sessions, 0);
    assert!(stats.pools.values().all(|row| row.waiting == 0));
    close(&pool).await;
    server.expect_no_session().await;
    assert_eq!(server.sessions_opened(), server.sessions_closed());
    assert!(server.sessions_opened() > 0);
}
