//! The promises of every observer.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    AcquireRequest, EvictMode, PoolConfig, Principal, Selector, SessionPool,
    error::FaultKind,
    extend::Observer,
    rmcp::model::{CallToolRequestParams, ServerNotification, ToolListChangedNotification},
};
use tokio::task::JoinSet;

use super::helpers::{LONG, bounded, eventually, header_map};
use crate::{
    fake::{self, Behaviour, Remote},
    logs::LogCapture,
};

/// An observer.
pub trait ObserverCase: Sync {
    /// The observer. It may be the same one each time.
    fn observer(&self) -> Arc<dyn Observer>;
}

/// Sessions are opened, lost, evicted and closed, calls answered and refused, under the observer as
/// without it.
pub async fn a_pool_works_as_without_observer(case: &dyn ObserverCase) {
    let (pool, remote) = observed(case.observer());
    bounded("the life of a pool", LONG, live(&pool, &remote)).await;
    assert_eq!(remote.open(), 0);
    assert_eq!(pool.stats().sessions_opened, pool.stats().sessions_closed);
}

/// An observer takes the events of many callers at once, and of two pools.
pub async fn events_at_once_are_taken(case: &dyn ObserverCase) {
    let observer = case.observer();
    let pools = [observed(Arc::clone(&observer)), observed(observer)];
    let mut callers = JoinSet::new();
    for number in 0..64 {
        let (pool, _) = &pools[number % pools.len()];
        let (pool, alice) = (pool.clone(), request(&format!("user-{}", number % 5)));
        callers.spawn(async move {
            for _ in 0..5 {
                drop(pool.acquire(&alice).await.expect("a session"));
            }
        });
    }
    let all = async { while callers.join_next().await.is_some() {} };
    bounded("all callers", LONG, all).await;
    for (pool, remote) in pools {
        pool.close(LONG).await;
        assert_eq!(remote.open(), 0);
    }
}

/// An observer keeps no pool open: the last handle of the user ends it.
pub async fn an_observer_keeps_no_pool_open(case: &dyn ObserverCase) {
    let (pool, remote) = observed(case.observer());
    drop(pool.acquire(&request("alice")).await.expect("a session"));
    drop(pool);
    eventually("the sessions are closed", || remote.open() == 0).await;
}

/// No log of an observer has a secret of a caller. Needs a test binary of its own, as
/// [`LogCapture::begin`] says.
pub async fn an_observer_logs_no_secret(case: &dyn ObserverCase) {
    let logs = LogCapture::begin();
    let (pool, remote) = observed(case.observer());
    bounded("the life of a pool", LONG, live(&pool, &remote)).await;
    assert!(!logs.text().contains(SECRET), "a credential is logged");
}

/// Has a pool report as many kinds of events as a fake server can bring about, and closes it.
async fn live(pool: &SessionPool, remote: &Remote) {
    let alice = request("alice");
    drop(pool.acquire(&alice).await.expect("a session"));
    let lease = pool.acquire(&alice).await.expect("the same session");
    let second = pool.acquire(&alice.clone().with_timeout(SHORT)).await;
    second.expect_err("it is in use");
    remote.notify(&ServerNotification::ToolListChangedNotification(
        ToolListChangedNotification::default(),
    ));
    lease.discard();
    remote.on_connect(Behaviour::Fail(FaultKind::Protocol));
    let refused = pool.acquire(&request("bob")).await;
    refused.expect_err("refused");
    remote.on_connect(Behaviour::Ok);
    let client = pool.client(alice.clone()).await.expect("a client");
    let call = || client.call_tool(CallToolRequestParams::new("tool"));
    call().await.expect("an answer");
    let _ = client.list_tools(None).await;
    remote.on_call(Behaviour::Fail(FaultKind::Timeout));
    call().await.expect_err("lost");
    remote.on_call(Behaviour::Ok);
    remote.end_sessions();
    drop(pool.acquire(&alice).await.expect("a new session"));
    pool.resize(pool.limits()).expect("the same limits");
    pool.evict(&Selector::All, EvictMode::Force);
    drop(pool.acquire(&request("carol")).await.expect("a session"));
    pool.revoke(&Selector::All);
    pool.close(LONG).await;
}

fn observed(observer: Arc<dyn Observer>) -> (SessionPool, Remote) {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_sessions_per_key(1);
    let builder = SessionPool::builder().config(config).connector(connector);
    let pool = builder.observer(observer).build().expect("a pool");
    (pool, remote)
}

fn request(user: &str) -> AcquireRequest {
    let headers = header_map(&[("authorization", &format!("Bearer {SECRET}-{user}"))]);
    AcquireRequest::new(fake::endpoint("upstream"), Principal::user(user)).with_headers(headers)
}

const SECRET: &str = "the-secret-of-a-caller";

/// The time limit of an acquire that is to fail.
const SHORT: Duration = Duration::from_millis(20);

/// Mounts the suite of observers: one test a promise, each with an
/// [`ObserverCase`](crate::conformance::ObserverCase) of its own.
///
/// `observer_suite!(case)` mounts all of it but `an_observer_logs_no_secret`, which needs a test binary of its
/// own: `observer_suite!(case, an_observer_logs_no_secret)`.
#[macro_export]
macro_rules! observer_suite {
    ($make:expr) => {
        $crate::observer_suite!($make,
            a_pool_works_as_without_observer
            events_at_once_are_taken
            an_observer_keeps_no_pool_open
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
