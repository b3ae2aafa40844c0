//! What the pool does for sessions that no caller uses: it keeps some ready, and keeps them alive.

use std::time::Duration;

use mcp_pool_testkit::fake::{self, Behaviour, Remote};
use mcp_session_pool::{
    EvictMode, PoolConfig, Principal, Scope, Selector, SessionPool,
    error::{Challenge, FaultKind},
    stats::KeyQuery,
};
use tokio::time::{Instant, advance, sleep};

use crate::common::{close, eventually, pool_over, request};

/// More than the longest delay before a session is opened ahead.
const DELAY: Duration = Duration::from_secs(1);

fn ready(sessions: usize) -> PoolConfig {
    PoolConfig::default()
        .with_min_idle_per_key(sessions)
        .with_session_ttl_jitter(0.0)
}

fn idle(pool: &SessionPool) -> usize {
    let page = pool.key_stats(&KeyQuery::default());
    page.rows.iter().map(|row| row.available).sum()
}

#[tokio::test(start_paused = true)]
async fn a_key_keeps_sessions_ready_from_its_first_request_on() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, ready(2));
    let client = pool.client(request(fake::endpoint("a"), "alice")).await;
    let client = client.expect("a client");
    sleep(DELAY).await;
    assert_eq!((remote.open(), idle(&pool)), (2, 2), "before any call");
    let first = client.try_acquire().expect("a session that is ready");
    let second = client.try_acquire().expect("another one");
    assert!(!first.is_fresh() && !second.is_fresh());
    sleep(DELAY).await;
    assert_eq!((remote.open(), idle(&pool)), (4, 2), "two more are ready");
    drop((first, second));
    sleep(DELAY * 10).await;
    assert_eq!(remote.connects(), 4, "no more than that");
    assert_eq!((pool.stats().hits, pool.stats().misses), (2, 0));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn sessions_that_are_lost_expired_or_evicted_are_replaced() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(
        connector,
        ready(2).with_session_ttl(Duration::from_secs(60)),
    );
    let alice = request(fake::endpoint("a"), "alice");
    let client = pool.client(alice.clone()).await.expect("a client");
    sleep(DELAY).await;
    remote.end_sessions();
    sleep(DELAY).await;
    assert_eq!((remote.connects(), idle(&pool)), (4, 2), "lost");
    client.try_acquire().expect("a session").discard();
    sleep(DELAY).await;
    assert_eq!((remote.connects(), idle(&pool)), (5, 2), "discarded");
    sleep(Duration::from_secs(61)).await;
    assert_eq!((remote.connects(), idle(&pool)), (7, 2), "expired");
    let lease = client.try_acquire().expect("a session");
    pool.evict(
        &Selector::principal(&Principal::user("alice")),
        EvictMode::Graceful,
    );
    sleep(DELAY).await;
    assert_eq!(idle(&pool), 2, "evicted");
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn sessions_are_kept_ready_within_the_other_limits_and_never_before_a_caller() {
    let (connector, remote) = fake::connector();
    let config = ready(5)
        .with_max_sessions_per_key(3)
        .with_max_total_sessions(4)
        .with_acquire_timeout(Duration::from_secs(20));
    let pool = pool_over(connector, config);
    let [alice, bob] = ["alice", "bob"].map(|user| request(fake::endpoint("a"), user));
    let alice = pool.client(alice).await.expect("a client");
    sleep(DELAY).await;
    assert_eq!(remote.open(), 3, "the limit of a key");
    let bob_client = pool.client(bob.clone()).await.expect("a client");
    sleep(DELAY).await;
    assert_eq!(remote.open(), 4, "the limit of all");
    let mut leases = Vec::new();
    for _ in 0..3 {
        leases.push(
            bob_client
                .acquire()
                .await
                .expect("a session of another key"),
        );
    }
    assert_eq!(remote.open(), 4);
    drop(leases);
    drop(alice);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_its_own_number_and_conversations_and_unpooled_keys_keep_none() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, ready(1));
    let endpoint = |name: &str, number| fake::endpoint(name).with_min_idle(number);
    for (endpoint, wanted) in [(endpoint("a", 3), 3), (endpoint("b", 0), 0)] {
        let alice = request(endpoint.clone(), "alice");
        pool.client(alice.clone()).await.expect("a client");
        let in_conversation = alice.with_scope(Scope::conversation("c"));
        pool.client(in_conversation).await.expect("a client");
        sleep(DELAY).await;
        assert_eq!(remote.open_at(&endpoint), wanted);
    }
    close(&pool).await;
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, ready(2).with_enabled(false));
    let alice = request(fake::endpoint("a"), "alice");
    pool.client(alice).await.expect("a client");
    sleep(DELAY).await;
    assert_eq!(remote.connects(), 0);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_opened_ahead_is_tried_again_after_a_pause_and_fails_no_caller() {
    for kind in [
        FaultKind::Unauthorized(Challenge::default()),
        FaultKind::Protocol,
    ] {
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, ready(1));
        remote.on_connect(Behaviour::Fail(kind));
        let alice = request(fake::endpoint("a"), "alice");
        let client = pool.client(alice).await.expect("a client");
        sleep(Duration::from_secs(60)).await;
        let tried = remote.connects();
        assert!((5..=13).contains(&tried), "{tried} times in a minute");
        remote.on_connect(Behaviour::Ok);
        drop(
            client
                .acquire()
                .await
                .expect("callers need not wait for it"),
        );
        sleep(Duration::from_secs(11)).await;
        assert_eq!(idle(&pool), 1);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_credential_opens_no_session_ahead() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, ready(2));
    let alice = request(fake::endpoint("a"), "alice");
    let client = pool.client(alice).await.expect("a client");
    sleep(DELAY).await;
    let lease = client.try_acquire().expect("a session");
    sleep(DELAY).await;
    let before = remote.connects();
    pool.revoke(&Selector::principal(&Principal::user("alice")));
    drop(lease);
    sleep(DELAY * 30).await;
    assert_eq!((remote.connects(), remote.open()), (before, 0));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_used_ends_with_the_sessions_that_it_keeps_ready() {
    let (connector, remote) = fake::connector();
    let config = ready(2)
        .with_idle_pool_eviction(Duration::from_secs(120))
        .with_keepalive_interval(Duration::from_secs(10));
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice");
    drop(pool.client(alice).await.expect("a client"));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(remote.open(), 2);
    sleep(Duration::from_secs(61)).await;
    assert_eq!((remote.open(), pool.stats().pool_key_count), (0, 0));
    let (connects, checks) = (remote.connects(), remote.checks());
    sleep(Duration::from_secs(600)).await;
    assert_eq!((remote.connects(), remote.checks()), (connects, checks));
    close(&pool).await;
}

fn alive() -> PoolConfig {
    PoolConfig::default()
        .with_keepalive_interval(Duration::from_secs(20))
        .with_health_check_interval(Duration::from_secs(30))
        .with_session_ttl(Duration::from_secs(3_600))
}

/// Opens so many sessions of one user, all idle.
async fn open_idle(pool: &SessionPool, count: usize) {
    let alice = request(fake::endpoint("a"), "alice");
    let mut leases = Vec::new();
    for _ in 0..count {
        leases.push(pool.acquire(&alice).await.expect("a session"));
    }
}

#[tokio::test(start_paused = true)]
async fn idle_sessions_are_checked_in_the_background_so_that_no_caller_waits_for_a_check() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, alive());
    open_idle(&pool, 3).await;
    sleep(Duration::from_secs(100)).await;
    let checks = remote.checks();
    assert!((12..=21).contains(&checks), "{checks} in five intervals");
    let alice = request(fake::endpoint("a"), "alice");
    assert!(pool.try_acquire(&alice).is_some(), "it needs no check");
    let stats = pool.stats();
    assert_eq!((stats.hits, stats.misses), (1, 3), "a check is no hit");
    assert_eq!((remote.connects(), remote.closed()), (3, 0));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn checks_of_sessions_that_were_opened_together_are_spread_over_time() {
    let (connector, remote) = fake::connector();
    let config = alive().with_max_sessions_per_key(100);
    let pool = pool_over(connector, config);
    open_idle(&pool, 100).await;
    let (mut before, mut most) = (0, 0);
    for _ in 0..20 {
        sleep(Duration::from_secs(1)).await;
        let checks = remote.checks();
        most = most.max(checks - before);
        before = checks;
    }
    assert!(
        (90..=100).contains(&before),
        "{before} checks in one interval"
    );
    assert!(most <= 30, "{most} in one second");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_fails_its_check_is_closed_before_a_caller_gets_it() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, alive());
    open_idle(&pool, 1).await;
    remote.on_check(Behaviour::Fail(FaultKind::SessionGone));
    sleep(Duration::from_secs(15)).await;
    eventually("it is closed", || remote.closed() == 1).await;
    assert_eq!(pool.stats().health_check_failures, 1);
    assert_eq!(pool.stats().total_sessions, 0);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn no_session_in_use_is_checked_and_a_caller_that_comes_during_a_check_is_served_after_it() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, alive().with_max_sessions_per_key(1));
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    sleep(Duration::from_secs(100)).await;
    assert_eq!(remote.checks(), 0);
    drop(lease);
    remote.on_check(Behaviour::Slow(Duration::from_secs(2)));
    for _ in 0..10_000 {
        if remote.checking() > 0 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(remote.checking(), 1);
    let began = Instant::now();
    let lease = pool.acquire(&alice).await.expect("after the check");
    assert!(
        began.elapsed() <= Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(remote.connects(), 1);
    drop(lease);
    close(&pool).await;
}

fn limited(wait: Duration) -> FaultKind {
    FaultKind::RateLimited {
        retry_after: Some(wait),
    }
}

/// Opens a session that is idle then, and fails to open another one.
async fn open_idle_and_fail(pool: &SessionPool, remote: &Remote, fault: FaultKind) {
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    remote.fail_next_connect(fault);
    let hasty = alice.with_timeout(Duration::from_millis(10));
    pool.acquire(&hasty).await.expect_err("no other session");
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn a_check_in_the_background_that_has_to_wait_for_its_endpoint_keeps_no_session_from_callers()
{
    let (connector, remote) = fake::connector();
    let config = alive().with_min_idle_per_key(2);
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice");
    let client = pool.client(alice).await.expect("a client");
    sleep(DELAY).await;
    client.try_acquire().expect("a session").discard();
    // Not longer than the patience: a check would be refused at once.
    remote.fail_next_connect(limited(DELAY * 2));
    // The session that is missing and the check of the other one are due at the same moment.
    advance(Duration::from_secs(20)).await;
    sleep(DELAY).await;
    assert_eq!((remote.connects(), remote.open()), (3, 1));
    let lease = client.try_acquire();
    assert!(lease.is_some(), "the session that is there");
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_past_stops_no_check_in_the_background() {
    for fault in [limited(Duration::from_secs(1)), FaultKind::Unreachable] {
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, alive());
        open_idle_and_fail(&pool, &remote, fault.clone()).await;
        sleep(Duration::from_secs(100)).await;
        let checks = remote.checks();
        assert!((3..=7).contains(&checks), "{checks} after {fault}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_session_is_checked_in_the_background_while_its_endpoint_wants_no_request() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, alive());
    open_idle_and_fail(&pool, &remote, limited(Duration::from_secs(55))).await;
    sleep(Duration::from_secs(54)).await;
    assert_eq!(remote.checks(), 0);
    sleep(Duration::from_secs(40)).await;
    assert!(remote.checks() > 0, "after the wait");
    close(&pool).await;
}
