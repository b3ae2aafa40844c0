//! Lines are bounded, and callers that cannot be served in time are refused at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::fake;
use mcp_session_pool::{
    AcquireRequest, Lease, PoolConfig, SessionPool,
    error::{AcquireError, Retry},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::common::{close, pool_over, request};

fn of(user: &str) -> AcquireRequest {
    request(fake::endpoint("a"), user).with_timeout(Duration::from_secs(60))
}

fn one_session() -> PoolConfig {
    PoolConfig::default()
        .with_max_total_sessions(1)
        .with_max_sessions_per_key(1)
}

/// So many callers that wait.
async fn waiters(
    pool: &SessionPool,
    request: &AcquireRequest,
    count: usize,
) -> Vec<JoinHandle<Result<Lease, AcquireError>>> {
    let spawn = |_| {
        let (pool, request) = (pool.clone(), request.clone());
        tokio::spawn(async move { pool.acquire(&request).await })
    };
    let waiters = (0..count).map(spawn).collect();
    sleep(Duration::from_millis(1)).await;
    waiters
}

fn assert_overloaded(result: Result<Lease, AcquireError>) {
    match result {
        Err(error @ AcquireError::Overloaded { retry_after }) => {
            assert!(retry_after >= Duration::from_millis(10));
            assert_eq!(error.retry(), Retry::Later(Some(retry_after)));
            assert_eq!(error.label(), "overloaded");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_beyond_a_bound_is_refused_at_once_and_no_other_one_is() {
    for (config, stranger_waits) in [
        (one_session().with_max_waiters_per_key(3), true),
        (one_session().with_max_waiters_per_share(3), true),
        (one_session().with_max_total_waiters(3), false),
    ] {
        let pool = pool_over(fake::connector().0, config);
        let held = pool.acquire(&of("alice")).await.expect("a session");
        let waiting = waiters(&pool, &of("alice"), 3).await;
        let began = Instant::now();
        assert_overloaded(pool.acquire(&of("alice")).await);
        assert_eq!(began.elapsed(), Duration::ZERO);
        let mut stranger = waiters(&pool, &of("bob"), 1).await;
        let stranger = stranger.remove(0);
        assert_eq!(!stranger.is_finished(), stranger_waits);
        drop(held);
        for waiter in waiting {
            drop(waiter.await.expect("no panic").expect("a turn"));
        }
        match stranger_waits {
            true => drop(stranger.await.expect("no panic").expect("a turn")),
            false => assert_overloaded(stranger.await.expect("no panic")),
        }
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_in_line_is_free_again_when_its_caller_leaves() {
    let pool = pool_over(
        fake::connector().0,
        one_session()
            .with_max_waiters_per_key(1)
            .with_max_waiters_per_share(1)
            .with_max_total_waiters(1),
    );
    let held = pool.acquire(&of("alice")).await.expect("a session");
    for _ in 0..3 {
        let waiting = waiters(&pool, &of("alice"), 1).await;
        assert_overloaded(pool.acquire(&of("alice")).await);
        waiting[0].abort();
        sleep(Duration::from_millis(1)).await;
        let short = of("alice").with_timeout(Duration::from_millis(5));
        let error = pool.acquire(&short).await.expect_err("no session is free");
        assert!(error.is_timeout(), "{error:?}");
    }
    drop(held);
    drop(pool.acquire(&of("alice")).await.expect("a session"));
    close(&pool).await;
}

/// A session that serves one caller every ten milliseconds, under so many that come each second.
async fn serve_crowd(pool: &SessionPool, timeout: Duration, per_second: u64) -> [usize; 3] {
    serve_users(pool, timeout, per_second, |_| "alice".to_owned()).await
}

/// As [`serve_crowd`], each caller with a name of its own.
async fn serve_users(
    pool: &SessionPool,
    timeout: Duration,
    per_second: u64,
    name: impl Fn(u64) -> String,
) -> [usize; 3] {
    let pause = Duration::from_micros(1_000_000 / per_second);
    let mut callers = Vec::new();
    for n in 0..per_second * 8 {
        let (pool, request) = (pool.clone(), of(&name(n)).with_timeout(timeout));
        callers.push(tokio::spawn(async move {
            let came = Instant::now();
            let result = pool.acquire(&request).await;
            let waited = came.elapsed();
            if let Ok(lease) = result {
                sleep(Duration::from_millis(10)).await;
                drop(lease);
                return Ok(());
            }
            Err((result.expect_err("no lease"), waited))
        }));
        sleep(pause).await;
    }
    let [mut served, mut shed, mut timed_out] = [0; 3];
    for caller in callers {
        match caller.await.expect("no panic") {
            Ok(()) => served += 1,
            Err((AcquireError::Overloaded { .. }, waited)) => {
                assert!(waited < timeout, "{waited:?}");
                shed += 1;
            }
            Err((error, _)) => {
                assert!(error.is_timeout(), "{error:?}");
                timed_out += 1;
            }
        }
    }
    [served, shed, timed_out]
}

#[tokio::test(start_paused = true)]
async fn under_overload_those_that_cannot_be_served_in_time_are_refused_before_their_deadline() {
    let pool = pool_over(fake::connector().0, one_session());
    let [served, shed, timed_out] = serve_crowd(&pool, Duration::from_secs(2), 300).await;
    // The session serves a hundred each second, and not one less for the refusals.
    assert!(served >= 790, "{served} {shed} {timed_out}");
    assert!(shed > 10 * timed_out.max(1), "{served} {shed} {timed_out}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_of_users_those_that_cannot_be_served_in_time_are_refused_at_once() {
    let pool = pool_over(fake::connector().0, one_session());
    let timeout = Duration::from_secs(2);
    let users = |n: u64| n.to_string();
    let [served, shed, timed_out] = serve_users(&pool, timeout, 300, users).await;
    // Each needs a session of its own, which takes no time to open.
    assert!(served >= 700, "{served} {shed} {timed_out}");
    assert!(shed > 3 * timed_out.max(1), "{served} {shed} {timed_out}");
    // A user that waits no longer than it can is served.
    let one = of("late").with_timeout(Duration::from_secs(30));
    drop(pool.acquire(&one).await.expect("in time"));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_target_for_the_delay_users_wait_until_their_time_ends() {
    let config = one_session().with_shed_delay_target(Duration::ZERO);
    let pool = pool_over(fake::connector().0, config);
    let users = |n: u64| n.to_string();
    let [served, shed, timed_out] = serve_users(&pool, Duration::from_secs(2), 300, users).await;
    assert!(timed_out > served, "{served} {shed} {timed_out}");
    assert_eq!(shed, 0, "{served} {timed_out}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_user_has_a_session_is_not_measured_by_the_line_of_those_without() {
    let config = PoolConfig::default()
        .with_max_total_sessions(2)
        .with_max_sessions_per_key(1);
    let pool = pool_over(fake::connector().0, config);
    let held = pool.acquire(&of("alice")).await.expect("a session");
    let users = |n: u64| n.to_string();
    let crowd = serve_users(&pool, Duration::from_secs(2), 300, users);
    let beside = async {
        sleep(Duration::from_secs(6)).await;
        let brief = of("alice").with_timeout(Duration::from_millis(100));
        for _ in 0..3 {
            let error = pool.acquire(&brief).await.expect_err("in use");
            assert!(error.is_timeout(), "{error:?}");
        }
        drop(held);
    };
    let ([_, shed, _], ()) = tokio::join!(crowd, beside);
    assert!(shed > 0, "the line was overloaded");
    close(&pool).await;
}

/// A user that calls once, for as long as the server takes then. Returns when it came and when it ended.
fn call_once(
    pool: &SessionPool,
    user: String,
    timeout: Duration,
    millis: &Arc<AtomicU64>,
) -> JoinHandle<(Result<(), AcquireError>, [Instant; 2])> {
    let (pool, millis) = (pool.clone(), Arc::clone(millis));
    tokio::spawn(async move {
        let came = Instant::now();
        let result = pool.acquire(&of(&user).with_timeout(timeout)).await;
        let ended = Instant::now();
        let called = match result {
            Ok(lease) => {
                sleep(Duration::from_millis(millis.load(Ordering::SeqCst))).await;
                drop(lease);
                Ok(())
            }
            Err(error) => Err(error),
        };
        (called, [came, ended])
    })
}

#[tokio::test(start_paused = true)]
async fn users_in_line_that_cannot_be_served_in_time_any_more_are_refused_by_their_deadlines() {
    let pool = pool_over(fake::connector().0, one_session());
    let minutes = Duration::from_secs(600);
    let millis = Arc::new(AtomicU64::new(10));
    let patient = |user: String| call_once(&pool, user, minutes, &millis);
    let mut others: Vec<_> = (0..150).map(|n| patient(format!("crowd-{n}"))).collect();
    for n in 0..50 {
        others.push(patient(format!("early-{n}")));
        sleep(Duration::from_millis(20)).await;
    }
    // A hundred are in line, for about a second: the deadlines are later, in no order.
    let timeout = |n: u64| Duration::from_millis(1_600 + n * 7 % 20 * 20);
    let hasty = |n| call_once(&pool, format!("hasty-{n}"), timeout(n), &millis);
    let hasty: Vec<_> = (0..20).map(hasty).collect();
    sleep(Duration::from_millis(100)).await;
    millis.store(200, Ordering::SeqCst);
    for n in 0..50 {
        others.push(patient(format!("late-{n}")));
        sleep(Duration::from_millis(20)).await;
    }
    let mut ends = Vec::new();
    for (n, caller) in (0..).zip(hasty) {
        let (result, [came, ended]) = caller.await.expect("no panic");
        let overloaded = matches!(result, Err(AcquireError::Overloaded { .. }));
        assert!(overloaded, "{n}: {result:?}");
        let waited = ended - came;
        assert!(waited < Duration::from_secs(1), "{n}: {waited:?}");
        ends.push((timeout(n), ended));
    }
    ends.sort();
    assert!(ends.is_sorted_by_key(|(_, ended)| *ended), "{ends:?}");
    millis.store(1, Ordering::SeqCst);
    for caller in others {
        let (result, _) = caller.await.expect("no panic");
        result.expect("a session in time");
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_of_users_that_is_served_in_time_sheds_no_caller() {
    let pool = pool_over(fake::connector().0, one_session());
    let users = |n: u64| n.to_string();
    let burst = serve_users(&pool, Duration::from_secs(60), 300, users).await;
    assert_eq!(burst[1..], [0, 0]);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_target_callers_wait_for_their_deadline() {
    let config = one_session().with_shed_delay_target(Duration::ZERO);
    let pool = pool_over(fake::connector().0, config);
    let [served, shed, timed_out] = serve_crowd(&pool, Duration::from_secs(2), 300).await;
    assert_eq!(shed, 0);
    assert!(served >= 790 && timed_out > 500, "{served} {timed_out}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_served_in_time_sheds_no_caller() {
    let pool = pool_over(fake::connector().0, one_session());
    // A burst of 500 that takes five seconds, with a minute to wait.
    let burst = serve_crowd(&pool, Duration::from_secs(60), 100).await;
    assert_eq!(burst[1..], [0, 0]);
    let waiting = waiters(&pool, &of("alice"), 500).await;
    let serve = waiting.into_iter().map(async |waiter| {
        let lease = waiter.await.expect("no panic").expect("a turn");
        sleep(Duration::from_millis(10)).await;
        drop(lease);
    });
    futures::future::join_all(serve).await;
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn every_caller_of_a_long_line_ends_at_its_own_deadline() {
    let pool = pool_over(fake::connector().0, one_session());
    let held = pool.acquire(&of("holder")).await.expect("a session");
    let began = Instant::now();
    let callers: Vec<_> = (0..3_000_u64)
        .map(|number| {
            let pool = pool.clone();
            // On one key, and on many; the deadlines in no order.
            let user = if number % 2 == 0 { 0 } else { number };
            let timeout = Duration::from_millis(500 + number * 7 % 1_000);
            let request = of(&format!("user-{user}")).with_timeout(timeout);
            tokio::spawn(async move {
                let error = pool.acquire(&request).await.expect_err("no session");
                assert!(error.is_timeout(), "{error:?}");
                (began.elapsed(), timeout)
            })
        })
        .collect();
    for caller in callers {
        let (ended, timeout) = caller.await.expect("no panic");
        let late = ended.saturating_sub(timeout);
        assert!(
            ended >= timeout && late <= Duration::from_millis(2),
            "{late:?}"
        );
    }
    drop(held);
    close(&pool).await;
}
