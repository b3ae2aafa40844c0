//! Waiters are served in order, by returned sessions and released permits; errors reach them at once.

use std::{num::NonZeroU32, time::Duration};

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Scope,
    error::{AcquireError, FaultKind, Stage},
};
use tokio::time::Instant;

use crate::common::{close, pool_over, request};

fn one_session() -> PoolConfig {
    PoolConfig::default().with_max_sessions_per_key(1)
}

#[tokio::test(start_paused = true)]
async fn a_waiter_gets_a_session_that_comes_back() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, one_session());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    let began = Instant::now();
    let (waited, ()) = tokio::join!(pool.acquire(&alice), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(lease);
    });
    assert!(!waited.expect("the session that came back").is_fresh());
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(remote.connects(), 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_gets_a_new_session_when_a_permit_is_released() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, one_session());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    let began = Instant::now();
    let (waited, ()) = tokio::join!(pool.acquire(&alice), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lease.discard();
    });
    assert!(waited.expect("a session that replaces it").is_fresh());
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(remote.connects(), 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_gets_a_session_when_the_limit_of_the_pool_allows_it() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default().with_max_total_sessions(1));
    let alice = request(fake::endpoint("a"), "alice");
    let bob = request(fake::endpoint("a"), "bob");
    let lease = pool.acquire(&alice).await.expect("a session");
    let began = Instant::now();
    let (waited, ()) = tokio::join!(pool.acquire(&bob), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(lease);
    });
    drop(waited.expect("the idle session of another key is reclaimed"));
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!((remote.connects(), pool.stats().evictions), (2, 1));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_the_order_they_came() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, one_session());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    let (sender, mut served) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..20 {
        let (pool, alice, sender) = (pool.clone(), alice.clone(), sender.clone());
        tokio::spawn(async move {
            let lease = pool.acquire(&alice).await.expect("a turn");
            sender.send(number).expect("a listener");
            // While the lease is held over an await, a newcomer could overtake.
            tokio::time::sleep(Duration::from_millis(1)).await;
            drop(lease);
        });
        tokio::task::yield_now().await;
    }
    drop((lease, sender));
    for number in 0..20 {
        assert_eq!(served.recv().await, Some(number));
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_connect_fails_the_acquire_at_once() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let began = Instant::now();
    let error = pool.acquire(&alice).await.expect_err("a refusal");
    assert!(
        matches!(&error, AcquireError::Connect(cause) if *cause.kind() == FaultKind::Unreachable),
        "{error:?}"
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_reports_its_stage_and_the_time_waited() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_sessions_per_key(1)
        .with_max_total_sessions(1)
        .with_acquire_timeout(Duration::from_secs(3))
        .with_health_check_interval(Duration::from_secs(1));
    let pool = pool_over(connector, config);
    let (alice, bob) = (
        request(fake::endpoint("a"), "alice"),
        request(fake::endpoint("a"), "bob"),
    );
    let stage_of = async |request| match pool.acquire(request).await {
        Err(AcquireError::Timeout { stage, waited, .. }) => {
            assert_eq!(waited, Duration::from_secs(3), "{stage}");
            stage
        }
        other => panic!("{other:?}"),
    };
    remote.on_connect(Behaviour::Never);
    assert_eq!(stage_of(&alice).await, Stage::Connect);
    remote.on_connect(Behaviour::Ok);
    let lease = pool.acquire(&alice).await.expect("a session");
    assert_eq!(stage_of(&alice).await, Stage::Queue);
    assert_eq!(stage_of(&bob).await, Stage::Capacity);
    drop(lease);
    tokio::time::sleep(Duration::from_secs(2)).await;
    remote.on_check(Behaviour::Never);
    assert_eq!(stage_of(&alice).await, Stage::Check);
    remote.on_check(Behaviour::Ok);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn callers_join_a_connect_that_serves_them_all() {
    let (connector, remote) = fake::connector();
    let config =
        PoolConfig::default().with_max_concurrent_per_session(8.try_into().expect("not zero"));
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice");
    remote.on_connect(Behaviour::Slow(Duration::from_secs(1)));
    let leases = futures::future::join_all((0..8).map(|_| pool.acquire(&alice))).await;
    assert!(leases.iter().all(Result::is_ok));
    assert_eq!(remote.connects(), 1);
    drop(leases);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_caller_at_fault_fails_alone_and_the_others_are_served() {
    let (connector, remote) = fake::connector();
    let config =
        PoolConfig::default().with_max_concurrent_per_session(8.try_into().expect("not zero"));
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice");
    remote.on_connect(Behaviour::Slow(Duration::from_secs(1)));
    let kind = FaultKind::Unauthorized(mcp_session_pool::error::Challenge::default());
    remote.fail_next_connect(kind);
    let leases = futures::future::join_all((0..3).map(|_| pool.acquire(&alice))).await;
    let failed = leases.iter().filter(|lease| lease.is_err()).count();
    assert_eq!((failed, remote.connects()), (1, 2));
    drop(leases);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_conversation_get_to_know_of_its_loss() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_concurrent_per_conversation(NonZeroU32::MIN)
        .with_max_total_sessions(1);
    let pool = pool_over(connector, config);
    let talk = request(fake::endpoint("a"), "alice").with_scope(Scope::conversation("talk"));
    let lost = pool.acquire(&talk).await.expect("a session");
    let wait = |request: &AcquireRequest| {
        let (pool, request) = (pool.clone(), request.clone());
        tokio::spawn(async move { pool.acquire(&request).await })
    };
    let other = wait(&request(fake::endpoint("a"), "bob"));
    let (first, second) = (wait(&talk), wait(&talk));
    tokio::time::sleep(Duration::from_millis(1)).await;
    remote.end_sessions();
    drop(lost);
    // The permit goes to the conversation after the other key's turn.
    drop(other.await.expect("no panic").expect("a session"));
    let began = Instant::now();
    for waiting in [first, second] {
        let error = waiting.await.expect("no panic").expect_err("a loss");
        assert!(matches!(error, AcquireError::SessionLost), "{error:?}");
    }
    let lease = pool.acquire(&talk).await.expect("a new session");
    assert_eq!(began.elapsed(), Duration::ZERO);
    drop(lease);
    close(&pool).await;
}
