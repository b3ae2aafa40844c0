//! A runtime that ends under calls leaves no session uncounted.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_pool_testkit::fake::{self, Behaviour, Remote};
use mcp_session_pool::{
    AcquireRequest, Lease, SessionPool,
    event::{CloseReason, Closed},
    extend::{CloseOutcome, Observer},
};
use tokio::runtime::{Builder, Runtime};

use crate::common::{eventually, request};

/// Keeps how sessions ended.
#[derive(Default)]
struct Log(Mutex<Vec<(CloseReason, CloseOutcome)>>);

impl Observer for Log {
    fn closed(&self, event: &Closed<'_>) {
        let end = (event.reason(), event.outcome());
        self.0.lock().expect("not poisoned").push(end);
    }
}

fn of(user: &str) -> AcquireRequest {
    request(fake::endpoint("a"), user)
}

fn runtimes() -> [Runtime; 2] {
    let one = Builder::new_current_thread().enable_all().build();
    let many = Builder::new_multi_thread().enable_all().build();
    [one, many].map(|runtime| runtime.expect("a runtime"))
}

/// A pool with an idle session, one under a call that does not end, one whose farewell does not end, and
/// one whose lease outlives the runtime.
async fn a_pool_in_use(log: &Arc<Log>) -> (SessionPool, Remote, Lease) {
    let (connector, remote) = fake::connector();
    let builder = SessionPool::builder().connector(connector);
    let pool = builder.observer(Arc::clone(log)).build().expect("a pool");
    drop(pool.acquire(&of("idle")).await.expect("a session"));
    let called = pool.acquire(&of("called")).await.expect("a session");
    tokio::spawn(async move {
        pending::<()>().await;
        drop(called);
    });
    remote.on_close(Behaviour::Never);
    pool.acquire(&of("closed"))
        .await
        .expect("a session")
        .discard();
    tokio::task::yield_now().await;
    let kept = pool.acquire(&of("kept")).await.expect("a session");
    (pool, remote, kept)
}

#[test]
fn every_session_is_reported_where_its_runtime_has_ended() {
    for runtime in runtimes() {
        let log = Arc::new(Log::default());
        let (pool, _remote, kept) = runtime.block_on(a_pool_in_use(&log));
        runtime.shutdown_timeout(Duration::from_secs(60));
        // The runtime took the call and the farewell with it, and the idle session.
        drop(kept);
        let [other, _] = runtimes();
        let report = other.block_on(pool.close(Duration::from_secs(60)));
        let ends = log.0.lock().expect("not poisoned").clone();
        assert_eq!(ends.len(), 4, "{ends:?}");
        let unsaid = |(_, outcome): &&(_, CloseOutcome)| *outcome == CloseOutcome::Failed;
        assert_eq!(ends.iter().filter(unsaid).count(), 4, "{ends:?}");
        assert_eq!((report.unfinished, report.farewells_failed), (0, 4));
        assert!(report.complete, "{report:?}");
        let stats = pool.stats();
        assert_eq!((stats.sessions_opened, stats.sessions_closed), (4, 4));
        assert_eq!(stats.total_sessions, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_farewell_that_fails_or_times_out_is_counted_and_one_that_arrives_is_not() {
    let (connector, remote) = fake::connector();
    let log = Arc::new(Log::default());
    let builder = SessionPool::builder().connector(connector);
    let pool = builder.observer(Arc::clone(&log)).build().expect("a pool");
    pool.acquire(&of("heard"))
        .await
        .expect("a session")
        .discard();
    eventually("it is closed", || remote.closed() == 1).await;
    remote.on_close(Behaviour::Never);
    pool.acquire(&of("unheard"))
        .await
        .expect("a session")
        .discard();
    eventually("it is given up", || pool.stats().sessions_closed == 2).await;
    assert_eq!(pool.stats().farewells_failed, 1);
    let report = pool.close(Duration::from_secs(1)).await;
    assert_eq!((report.closed, report.farewells_failed), (0, 1));
}
