//! The time that the closing of a pool takes.

use std::time::Duration;

use mcp_pool_testkit::fake::{self, Behaviour, Remote};
use mcp_session_pool::{Lease, PoolConfig, SessionPool};
use tokio::time::{Instant, sleep};

use crate::common::{pool_over, request};

#[tokio::test(start_paused = true)]
async fn a_close_returns_by_its_time_however_long_farewells_hang_and_reports_what_is_unfinished() {
    for timeout in [100, 500, 1_000, 2_500].map(Duration::from_millis) {
        let (pool, remote, leases) = pool_of(5).await;
        drop(leases);
        remote.on_close(Behaviour::Never);
        let began = Instant::now();
        let report = pool.close(timeout).await;
        assert!(began.elapsed() <= timeout, "{:?}", began.elapsed());
        assert_eq!(
            (report.closed, report.unfinished, report.complete),
            (0, 5, false),
            "{report:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_close_left_unfinished_goes_on_and_another_close_waits_for_it() {
    let (pool, remote, leases) = pool_of(5).await;
    drop(leases);
    remote.on_close(Behaviour::Slow(Duration::from_secs(2)));
    let report = pool.close(Duration::from_secs(1)).await;
    assert_eq!((report.unfinished, report.complete), (5, false));
    let began = Instant::now();
    let report = pool.close(Duration::from_secs(60)).await;
    assert_eq!((report.unfinished, report.complete), (0, true));
    assert!(began.elapsed() < Duration::from_millis(1_100));
    assert_eq!(remote.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn sessions_closed_under_their_users_have_the_time_of_one_farewell_more() {
    for (farewell, unfinished) in [(2_900, 0), (3_200, 5)] {
        let (pool, remote, leases) = pool_of(5).await;
        remote.on_close(Behaviour::Slow(Duration::from_millis(farewell)));
        let began = Instant::now();
        let report = pool.close(Duration::from_secs(1)).await;
        assert_eq!((report.forced, report.unfinished), (5, unfinished));
        assert!(began.elapsed() <= Duration::from_millis(4_010));
        drop(leases);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_in_the_last_moment_of_a_close_has_its_farewell_awaited() {
    let (pool, remote, mut leases) = pool_of(1).await;
    remote.on_close(Behaviour::Slow(Duration::from_millis(50)));
    let lease = leases.pop().expect("a lease");
    let began = Instant::now();
    let (report, ()) = tokio::join!(pool.close(Duration::from_secs(1)), async {
        sleep(Duration::from_millis(990)).await;
        drop(lease);
    });
    assert_eq!(
        (report.closed, report.forced, report.complete),
        (1, 0, true),
        "{report:?}"
    );
    assert!(began.elapsed() <= Duration::from_millis(1_100));
}

/// A pool with so many sessions in use, whose farewells may take three seconds.
async fn pool_of(sessions: usize) -> (SessionPool, Remote, Vec<Lease>) {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_close_timeout(Duration::from_secs(3));
    let pool = pool_over(connector, config);
    let mut leases = Vec::new();
    for user in 0..sessions {
        let request = request(fake::endpoint("a"), &format!("user-{user}"));
        leases.push(pool.acquire(&request).await.expect("a session"));
    }
    (pool, remote, leases)
}
