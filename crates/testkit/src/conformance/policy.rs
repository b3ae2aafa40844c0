//! The promises of every share policy.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp_pool_core::{
    AcquireRequest, PoolConfig, Principal, SessionPool,
    extend::{Share, SharePolicy},
};
use tokio::{task::JoinSet, time::sleep};

use super::helpers::{LONG, bounded};
use crate::fake;

/// A share policy and principals that it is for.
pub trait PolicyCase: Sync {
    /// The policy.
    fn policy(&self) -> Arc<dyn SharePolicy>;
    /// Principals of every kind that the policy distinguishes, the anonymous one among them.
    fn principals(&self) -> Vec<Principal> {
        vec![
            Principal::anonymous(),
            Principal::user("alice"),
            Principal::user("bob"),
            Principal::user("alice").in_tenant("acme"),
            Principal::user("bob").in_tenant("acme"),
            Principal::user("alice").in_tenant("umbrella"),
        ]
    }
}

/// A principal has the same share each time, also from several threads at once.
pub async fn a_principal_has_one_share(case: &dyn PolicyCase) {
    let policy = case.policy();
    for principal in case.principals() {
        let first = policy.share(&principal);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(policy.share(&principal), first));
            }
        });
        let equal = principal.clone();
        assert_eq!(policy.share(&equal), first);
    }
}

/// Those who hold one share agree on its weight: otherwise the first key to come would decide.
pub async fn a_share_has_one_weight(case: &dyn PolicyCase) {
    let policy = case.policy();
    let shares: Vec<Share> = case
        .principals()
        .iter()
        .map(|principal| policy.share(principal))
        .collect();
    let holder = |share: &Share| share.clone().with_weight(NonZeroU32::MIN);
    for one in &shares {
        let others = shares.iter().filter(|other| holder(other) == holder(one));
        for other in others {
            assert_eq!(other, one, "one holder, two weights");
        }
    }
}

/// A holder of another share is served while a crowd of one share waits, before the crowd is through.
pub async fn a_crowd_keeps_no_other_share_out(case: &dyn PolicyCase) {
    let principals = case.principals();
    let policy = case.policy();
    let Some((crowd, other)) = two_shares(&*policy, &principals) else {
        return;
    };
    let served = Served::default();
    let pool = pool(Arc::clone(&policy));
    let mut callers = JoinSet::new();
    for number in 0..CROWD {
        callers.spawn(call(&pool, &crowd, number, &served));
    }
    // The whole crowd is in the line by then.
    sleep(Duration::from_millis(5)).await;
    callers.spawn(call(&pool, &other, CROWD, &served));
    let all = async { while callers.join_next().await.is_some() {} };
    bounded("all are served", LONG, all).await;
    let served = served.lock().unwrap_or_else(PoisonError::into_inner);
    let place = served.iter().position(|number| *number == CROWD);
    let place = place.expect("the other one is served");
    assert_eq!(served.len(), CROWD + 1);
    assert!(place < CROWD / 2, "served as number {place} of {CROWD}");
}

/// Capacity that only one share wants is its own, whatever its weight.
pub async fn a_lone_share_gets_all_the_capacity(case: &dyn PolicyCase) {
    for principal in case.principals() {
        let pool = pool(case.policy());
        let host = |number: usize| fake::endpoint(&format!("h{number}"));
        let acquire = async {
            let mut leases = Vec::new();
            for number in 0..SESSIONS {
                let request = AcquireRequest::new(host(number), principal.clone());
                leases.push(pool.acquire(&request).await.expect("a session"));
            }
        };
        bounded("all sessions", LONG, acquire).await;
    }
}

type Served = Arc<Mutex<Vec<usize>>>;

/// Two principals with two shares.
fn two_shares(
    policy: &dyn SharePolicy,
    principals: &[Principal],
) -> Option<(Principal, Principal)> {
    let holder = |principal| policy.share(principal).with_weight(NonZeroU32::MIN);
    let pairs = principals
        .iter()
        .flat_map(|one| principals.iter().map(move |other| (one, other)));
    let mut different = pairs.filter(|(one, other)| holder(one) != holder(other));
    different
        .next()
        .map(|(one, other)| (one.clone(), other.clone()))
}

fn pool(policy: Arc<dyn SharePolicy>) -> SessionPool {
    let (connector, _) = fake::connector();
    let config = PoolConfig::default()
        .with_max_total_sessions(SESSIONS)
        .with_max_sessions_per_key(1)
        .with_acquire_timeout(LONG);
    let builder = SessionPool::builder().config(config).connector(connector);
    builder.share_policy(policy).build().expect("a pool")
}

/// Acquires a session of a key of its own, and keeps it for a while.
fn call(
    pool: &SessionPool,
    principal: &Principal,
    number: usize,
    served: &Served,
) -> impl Future<Output = ()> + use<> {
    let endpoint = fake::endpoint(&format!("h{number}"));
    let request = AcquireRequest::new(endpoint, principal.clone());
    let (pool, served) = (pool.clone(), Arc::clone(served));
    async move {
        let lease = pool.acquire(&request).await.expect("a session");
        note(&served, number);
        sleep(Duration::from_millis(5)).await;
        drop(lease);
    }
}

fn note(served: &Served, number: usize) {
    let mut order = served.lock().unwrap_or_else(PoisonError::into_inner);
    order.push(number);
}

/// The sessions of a pool.
const SESSIONS: usize = 2;
/// The callers of one share that come at once.
const CROWD: usize = 40;

/// Mounts the suite of share policies: one test a promise, each with a
/// [`PolicyCase`](crate::conformance::PolicyCase) of its own.
///
/// `policy_suite!(case)` mounts all of it, `policy_suite!(case, a_promise another_promise)` a part.
#[macro_export]
macro_rules! policy_suite {
    ($make:expr) => {
        $crate::policy_suite!($make,
            a_principal_has_one_share
            a_share_has_one_weight
            a_crowd_keeps_no_other_share_out
            a_lone_share_gets_all_the_capacity
        );
    };
    ($make:expr, $($promise:ident)+) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::conformance::$promise(&$make).await;
            }
        )+
    };
}
