//! No principal, tenant or endpoint has more than its quota, and none at its quota keeps others waiting.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::join_all};
use mcp_pool_testkit::fake::{self, Remote};
use mcp_session_pool::{
    AcquireRequest, Endpoint, Lease, PoolConfig, Principal, Scope, SessionPool,
    config::QuotaKind,
    error::{AcquireError, Retry},
    event::QuotaReached,
    extend::Observer,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::common::{close, eventually, pool_over, request};

const A_MOMENT: Duration = Duration::from_millis(50);

const QUOTA: usize = 2;

/// A request of a user of a tenant, to a host.
fn of(tenant: &str, user: &str, host: &str) -> AcquireRequest {
    let principal = Principal::user(user).in_tenant(tenant);
    AcquireRequest::new(fake::endpoint(host), principal)
}

/// A pool with one quota.
fn pool_with(quota: QuotaKind) -> (SessionPool, Remote) {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    set(&pool, quota, QUOTA);
    (pool, remote)
}

fn set(pool: &SessionPool, quota: QuotaKind, number: usize) {
    let limits = pool.limits().with_quota(quota, number);
    pool.resize(limits).expect("an open pool");
}

/// Requests that share the quota, each of a key of its own, and one that does not.
fn sharers(quota: QuotaKind) -> (Vec<AcquireRequest>, AcquireRequest) {
    let names: Vec<_> = (0..6).map(|n| n.to_string()).collect();
    let names = names.iter().map(String::as_str);
    match quota {
        QuotaKind::CallsPerPrincipal | QuotaKind::SessionsPerPrincipal => {
            let own = names.map(|host| of("t", "one", host));
            (own.collect(), of("t", "other", "0"))
        }
        QuotaKind::CallsPerTenant | QuotaKind::SessionsPerTenant => {
            let own = names.map(|user| of("one", user, user));
            (own.collect(), of("other", "0", "0"))
        }
        _ => {
            let own = names.map(|user| of(user, user, "one"));
            (own.collect(), of("0", "0", "other"))
        }
    }
}

async fn lease(pool: &SessionPool, request: &AcquireRequest) -> Lease {
    pool.acquire(request).await.expect("a session")
}

fn waiter(pool: &SessionPool, request: &AcquireRequest) -> JoinHandle<Lease> {
    let (pool, request) = (pool.clone(), request.clone());
    tokio::spawn(async move { lease(&pool, &request).await })
}

fn sets_at_build(quota: QuotaKind) -> PoolConfig {
    let config = PoolConfig::default();
    match quota {
        QuotaKind::CallsPerPrincipal => config.with_max_calls_per_principal(QUOTA),
        QuotaKind::CallsPerTenant => config.with_max_calls_per_tenant(QUOTA),
        QuotaKind::CallsPerEndpoint => config.with_max_calls_per_endpoint(QUOTA),
        QuotaKind::SessionsPerPrincipal => config.with_max_sessions_per_principal(QUOTA),
        QuotaKind::SessionsPerTenant => config.with_max_sessions_per_tenant(QUOTA),
        _ => config.with_max_sessions_per_endpoint(QUOTA),
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_at_any_quota_waits_for_its_own_holder_while_others_are_served() {
    for quota in QuotaKind::ALL {
        for at_build in [true, false] {
            let (connector, _remote) = fake::connector();
            let config = match at_build {
                true => sets_at_build(quota),
                false => PoolConfig::default(),
            };
            let pool = pool_over(connector, config);
            set(&pool, quota, QUOTA);
            let (own, other) = sharers(quota);
            let held = join_all(own[..QUOTA].iter().map(|one| lease(&pool, one))).await;
            let waits = waiter(&pool, &own[QUOTA]);
            sleep(A_MOMENT).await;
            assert!(!waits.is_finished(), "{quota}");
            assert!(pool.try_acquire(&own[QUOTA]).is_none(), "{quota}");
            // Another holder waits for nothing, and does not help either.
            let began = Instant::now();
            drop(lease(&pool, &other).await);
            assert_eq!(began.elapsed(), Duration::ZERO, "{quota}");
            assert!(!waits.is_finished(), "{quota}");
            drop(held);
            let served = waits.await.expect("no panic");
            drop(served);
            assert_eq!(pool.stats().quota_timeouts, 0);
            close(&pool).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_error_names_the_quota_and_is_counted() {
    for quota in QuotaKind::ALL {
        let (pool, _remote) = pool_with(quota);
        let (own, _) = sharers(quota);
        let held = join_all(own[..QUOTA].iter().map(|one| lease(&pool, one))).await;
        let hurried = own[QUOTA].clone().with_timeout(Duration::from_secs(1));
        let began = Instant::now();
        let error = pool.acquire(&hurried).await.expect_err("at its quota");
        assert!(began.elapsed() < Duration::from_millis(1_050), "{quota}");
        let AcquireError::Quota { quota: named, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(named, quota);
        assert!(error.is_timeout());
        assert_eq!(error.retry(), Retry::Later(None));
        assert_eq!(error.label(), format!("quota_{}", quota.as_str()));
        let stats = pool.stats();
        assert_eq!((stats.quota_waits, stats.quota_timeouts), (1, 1), "{quota}");
        drop(held);
        drop(lease(&pool, &hurried).await);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_under_a_quota_never_has_more_and_all_of_it_is_served() {
    for quota in QuotaKind::ALL {
        let (pool, _remote) = pool_with(quota);
        let (own, _) = sharers(quota);
        let most = Arc::new(Mutex::new((0_usize, 0_usize)));
        let callers = (0..60).map(|n| {
            let (pool, one) = (pool.clone(), own[n % own.len()].clone());
            let most = Arc::clone(&most);
            tokio::spawn(async move {
                let lease = lease(&pool, &one).await;
                {
                    let mut most = most.lock().expect("not poisoned");
                    most.0 += 1;
                    assert!(most.0 <= QUOTA, "{quota}: {}", most.0);
                    most.1 = most.1.max(most.0);
                }
                sleep(Duration::from_millis(5)).await;
                if !quota.is_of_calls() {
                    assert!(pool.stats().total_sessions <= QUOTA, "{quota}");
                }
                most.lock().expect("not poisoned").0 -= 1;
                drop(lease);
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("served");
        }
        // What there may be is used.
        assert_eq!(most.lock().expect("not poisoned").1, QUOTA, "{quota}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_makes_room_for_another_key_of_the_same_quota() {
    for quota in [
        QuotaKind::SessionsPerPrincipal,
        QuotaKind::SessionsPerTenant,
        QuotaKind::SessionsPerEndpoint,
    ] {
        let (pool, remote) = pool_with(quota);
        let (own, other) = sharers(quota);
        drop(lease(&pool, &other).await);
        for one in &own {
            let began = Instant::now();
            drop(lease(&pool, one).await);
            assert!(began.elapsed() < Duration::from_millis(5), "{quota}");
        }
        eventually("the idle ones are closed", || remote.open() == QUOTA + 1).await;
        // That of another holder was not touched, and the oldest went first.
        assert!(pool.try_acquire(&other).is_some(), "{quota}");
        assert!(pool.try_acquire(&own[5]).is_some(), "{quota}");
        assert!(pool.try_acquire(&own[0]).is_none(), "{quota}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_principal_share_its_only_session_in_turns() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(
        connector,
        PoolConfig::default().with_max_sessions_per_principal(1),
    );
    let end = Instant::now() + Duration::from_secs(5);
    let calls = |host: &'static str| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut calls = 0;
            while Instant::now() < end {
                let lease = lease(&pool, &of("t", "one", host)).await;
                sleep(Duration::from_millis(2)).await;
                drop(lease);
                calls += 1;
            }
            calls
        })
    };
    // Two callers of one key, who would keep its session for ever.
    let crowd = [calls("a"), calls("a")];
    let other = calls("b").await.expect("no panic");
    assert!(other > 100, "{other}");
    for one in crowd {
        assert!(one.await.expect("no panic") > 100);
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_at_an_endpoints_quota_gives_way_to_one_that_has_none() {
    let (pool, _remote) = pool_with(QuotaKind::SessionsPerEndpoint);
    let crowd = of("crowd", "a", "one");
    let end = Instant::now() + Duration::from_secs(2);
    let calls = |request: AcquireRequest| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut calls = 0;
            while Instant::now() < end {
                let lease = lease(&pool, &request).await;
                sleep(Duration::from_millis(10)).await;
                drop(lease);
                calls += 1;
            }
            calls
        })
    };
    let crowds: Vec<_> = (0..20).map(|_| calls(crowd.clone())).collect();
    sleep(A_MOMENT).await;
    let smalls: Vec<_> = (0..4).map(|_| calls(of("small", "b", "one"))).collect();
    let all = async |callers: Vec<JoinHandle<u32>>| {
        let calls = join_all(callers).await.into_iter();
        calls.map(|calls| calls.expect("no panic")).sum::<u32>()
    };
    let (small, large) = (all(smalls).await, all(crowds).await);
    let share = f64::from(small) / f64::from(small + large);
    assert!((0.4..0.6).contains(&share), "{share}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_takes_nothing_with_it() {
    for quota in QuotaKind::ALL {
        let (pool, _remote) = pool_with(quota);
        let (own, _) = sharers(quota);
        let held = join_all(own[..QUOTA].iter().map(|one| lease(&pool, one))).await;
        let leaver = waiter(&pool, &own[QUOTA]);
        let stayer = waiter(&pool, &own[QUOTA + 1]);
        sleep(A_MOMENT).await;
        leaver.abort();
        sleep(A_MOMENT).await;
        let waiting: usize = pool.quota_stats(9).iter().map(|row| row.waiting).sum();
        assert_eq!(waiting, 1, "{quota}");
        drop(held);
        drop(stayer.await.expect("served"));
        // Everything came back.
        let all = join_all(own[..QUOTA].iter().map(|one| lease(&pool, one)));
        assert_eq!(all.await.len(), QUOTA);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_pool_ends_every_wait_for_a_quota() {
    for quota in QuotaKind::ALL {
        let (pool, _remote) = pool_with(quota);
        let (own, _) = sharers(quota);
        let held = join_all(own[..QUOTA].iter().map(|one| lease(&pool, one))).await;
        let late = own[QUOTA].clone();
        let waits = tokio::spawn({
            let pool = pool.clone();
            async move { pool.acquire(&late).await }
        });
        sleep(A_MOMENT).await;
        let report = pool.close(Duration::from_secs(1));
        let (report, waited) = tokio::join!(report, waits);
        let error = waited.expect("no panic").expect_err("closed");
        assert!(error.is_closed(), "{error:?}");
        assert_eq!(report.turned_away, 1, "{quota}");
        drop(held);
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_changes_while_the_pool_works() {
    for quota in QuotaKind::ALL {
        let (pool, remote) = pool_with(quota);
        let (own, _) = sharers(quota);
        let held = join_all(own[..QUOTA].iter().map(|one| lease(&pool, one))).await;
        let waits: Vec<_> = own[QUOTA..].iter().map(|one| waiter(&pool, one)).collect();
        sleep(A_MOMENT).await;
        set(&pool, quota, QUOTA + 1);
        sleep(A_MOMENT).await;
        let done = waits.iter().filter(|waits| waits.is_finished()).count();
        assert_eq!(done, 1, "{quota}");
        // No quota at all.
        set(&pool, quota, 0);
        let mut leases = held;
        for waits in waits {
            leases.push(waits.await.expect("served"));
        }
        assert!(pool.quota_stats(9).is_empty());
        // A lower one cuts no lease, and closes what is above it as soon as it is released.
        set(&pool, quota, 1);
        assert_eq!(remote.open(), own.len(), "{quota}");
        drop(leases);
        if !quota.is_of_calls() {
            eventually("those above it are closed", || remote.open() == 1).await;
        }
        let one = lease(&pool, &own[0]).await;
        assert!(pool.acquire(&own[1]).now_or_never().is_none(), "{quota}");
        drop(one);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_set_late_counts_the_sessions_that_are_there() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let (own, _) = sharers(QuotaKind::SessionsPerTenant);
    let busy = lease(&pool, &own[0]).await;
    for one in &own[1..] {
        drop(lease(&pool, one).await);
    }
    set(&pool, QuotaKind::SessionsPerTenant, QUOTA);
    eventually("idle ones above it are closed", || remote.open() == QUOTA).await;
    let row = &pool.quota_stats(9)[0];
    assert_eq!((row.used, row.waiting), (QUOTA, 0));
    drop(busy);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoints_own_quota_replaces_that_of_the_pool_until_it_is_changed() {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_calls_per_endpoint(1)
        .with_max_sessions_per_endpoint(1);
    let pool = pool_over(connector, config);
    let two = NonZeroU32::new(2).expect("not zero");
    let own = fake::endpoint("own")
        .with_max_calls(two)
        .with_max_sessions(two);
    let most = async |endpoint: &Endpoint| {
        let mut leases = Vec::new();
        for user in ["a", "b", "c", "d"] {
            let request = request(endpoint.clone(), user);
            let hurried = request.with_timeout(Duration::from_millis(100));
            leases.extend(pool.acquire(&hurried).await.ok());
        }
        leases.len()
    };
    assert_eq!(most(&own).await, 2);
    assert_eq!(most(&fake::endpoint("plain")).await, 1);
    let three = NonZeroU32::new(3).expect("not zero");
    let wider = fake::endpoint("own")
        .with_max_calls(three)
        .with_max_sessions(three);
    pool.update_endpoint(&wider);
    assert_eq!(most(&wider).await, 3);
    // Without a number of its own it has the pool's.
    pool.update_endpoint(&fake::endpoint("own"));
    assert_eq!(most(&fake::endpoint("own")).await, 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_gets_a_quota_later_applies_it_to_keys_from_before() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let plain = fake::endpoint("a");
    for user in ["a", "b"] {
        drop(lease(&pool, &request(plain.clone(), user)).await);
    }
    pool.update_endpoint(&plain.clone().with_max_calls(NonZeroU32::MIN));
    let held = lease(&pool, &request(plain.clone(), "a")).await;
    let other = request(plain, "b");
    assert!(pool.acquire(&other).now_or_never().is_none());
    drop(held);
    drop(lease(&pool, &other).await);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn each_caller_of_a_shared_session_is_counted_by_itself() {
    let (pool, _remote) = pool_with(QuotaKind::CallsPerPrincipal);
    let endpoint = fake::endpoint("public").declared_stateless_and_public();
    let of = |user| request(endpoint.clone(), user).with_scope(Scope::Shared);
    let held = [lease(&pool, &of("a")).await, lease(&pool, &of("a")).await];
    assert!(pool.acquire(&of("a")).now_or_never().is_none());
    let other = lease(&pool, &of("b")).await;
    drop((held, other));
    drop(lease(&pool, &of("a")).await);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_ended_from_outside_gives_its_call_back_at_once() {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_calls_per_principal(1)
        .with_lease_overdue_after(Duration::from_secs(1));
    let pool = pool_over(connector, config);
    let one = of("t", "one", "a");
    let hung = lease(&pool, &one).await;
    let waits = waiter(&pool, &one);
    sleep(A_MOMENT).await;
    let held = pool.held_leases(1);
    assert!(pool.end_lease(held[0].number));
    let next = waits.await.expect("served");
    // What was ended gives nothing back again.
    drop(hung);
    assert!(pool.acquire(&one).now_or_never().is_none());
    drop(next);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_calls_are_bounded_like_all_others() {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_calls_per_tenant(1)
        .with_max_waiters_per_share(2);
    let pool = pool_over(connector, config);
    let one = of("t", "one", "a");
    let held = lease(&pool, &one).await;
    let waits = [waiter(&pool, &one), waiter(&pool, &one)];
    sleep(A_MOMENT).await;
    let refused = pool.acquire(&one).now_or_never().expect("at once");
    let error = refused.expect_err("too many wait");
    assert!(
        matches!(error, AcquireError::Overloaded { .. }),
        "{error:?}"
    );
    drop(held);
    for waits in waits {
        drop(waits.await.expect("served"));
    }
    close(&pool).await;
}

/// Keeps the quotas that were reached.
#[derive(Default)]
struct Log(Mutex<Vec<(QuotaKind, usize)>>);

impl Observer for Log {
    fn quota_reached(&self, event: &QuotaReached<'_>) {
        let reached = (event.quota(), event.limit());
        self.0.lock().expect("not poisoned").push(reached);
    }
}

#[tokio::test(start_paused = true)]
async fn observer_and_views_show_who_is_at_a_quota_and_no_names() {
    for quota in QuotaKind::ALL {
        let (connector, _remote) = fake::connector();
        let log = Arc::new(Log::default());
        let builder = SessionPool::builder().connector(connector);
        let pool = builder.observer(Arc::clone(&log)).build().expect("a pool");
        set(&pool, quota, QUOTA);
        let (own, _) = sharers(quota);
        let held = join_all(own[..QUOTA].iter().map(|one| lease(&pool, one))).await;
        let waits = waiter(&pool, &own[QUOTA]);
        sleep(A_MOMENT).await;
        assert_eq!(*log.0.lock().expect("not poisoned"), [(quota, QUOTA)]);
        let rows = pool.quota_stats(9);
        assert_eq!((rows[0].quota, rows[0].waiting), (quota, 1));
        assert_eq!((rows[0].used, rows[0].limit), (QUOTA, QUOTA));
        let shown = serde_json::to_string(&rows).expect("json");
        assert!(!shown.contains("\"one\""), "{shown}");
        drop(held);
        drop(waits.await.expect("served"));
        close(&pool).await;
    }
}
