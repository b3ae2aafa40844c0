//! A server that grants a user one session serves all of its callers over that one.

use std::{num::NonZeroU32, time::Duration};

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{
    EvictMode, PoolConfig, Selector,
    error::{AcquireError, FaultKind},
};
use tokio::time::{Instant, sleep};

use crate::common::{close, pool_over, request};

fn refusals() -> [FaultKind; 3] {
    [
        FaultKind::RateLimited { retry_after: None },
        FaultKind::Server {
            status: 503,
            retry_after: None,
        },
        FaultKind::Protocol,
    ]
}

#[tokio::test(start_paused = true)]
async fn callers_wait_for_the_session_there_is_when_the_server_refuses_another() {
    for refusal in refusals() {
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, PoolConfig::default());
        let alice = request(fake::endpoint("a"), "alice");
        let lease = pool.acquire(&alice).await.expect("a session");
        remote.on_connect(Behaviour::Fail(refusal.clone()));
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let (pool, alice) = (pool.clone(), alice.clone());
                tokio::spawn(async move {
                    let lease = pool.acquire(&alice).await.expect("a turn");
                    sleep(Duration::from_millis(10)).await;
                    drop(lease);
                })
            })
            .collect();
        sleep(Duration::from_millis(100)).await;
        drop(lease);
        for caller in callers {
            caller.await.expect("served by the one session");
        }
        assert!(
            remote.connects() <= 11,
            "{refusal:?}: {}",
            remote.connects()
        );
        let before = remote.connects();
        // The limit is remembered: two callers at once request no further session.
        let first = pool.acquire(&alice).await.expect("the session");
        let waiting = pool.acquire(&alice);
        let (second, ()) = tokio::join!(waiting, async {
            sleep(Duration::from_millis(10)).await;
            drop(first);
        });
        drop(second.expect("the session again"));
        assert_eq!(remote.connects(), before, "{refusal:?}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_eviction_ends_the_waiting_for_a_session_that_is_not_handed_out_again() {
    for mode in [EvictMode::Force, EvictMode::Graceful] {
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, PoolConfig::default());
        let alice = request(fake::endpoint("a"), "alice");
        let kept = pool.acquire(&alice).await.expect("a session");
        remote.fail_next_connect(FaultKind::RateLimited { retry_after: None });
        let began = Instant::now();
        let evict = async {
            sleep(Duration::from_millis(100)).await;
            pool.evict(&Selector::All, mode);
        };
        let (waiting, ()) = tokio::join!(pool.acquire(&alice), evict);
        let lease = waiting.expect("a new session");
        assert!(lease.is_fresh(), "{mode:?}");
        assert!(began.elapsed() < Duration::from_secs(1), "{mode:?}");
        drop((kept, lease));
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_in_vain_after_a_refusal_gets_its_reason() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice").with_timeout(Duration::from_secs(5));
    let lease = pool.acquire(&alice).await.expect("a session");
    remote.fail_next_connect(FaultKind::RateLimited { retry_after: None });
    let error = pool
        .acquire(&alice)
        .await
        .expect_err("the session is in use");
    assert!(
        matches!(&error, AcquireError::Timeout { last_cause: Some(cause), .. }
            if matches!(cause.kind(), FaultKind::RateLimited { .. })),
        "{error:?}"
    );
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_time_ends_before_its_endpoint_may_be_reached_again_ends_no_other() {
    // A session of its own for each caller, and one that both share.
    for slots in [1, 2] {
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, PoolConfig::default());
        let slots = NonZeroU32::new(slots).expect("not zero");
        let endpoint = fake::endpoint("a").with_max_concurrent_per_session(slots);
        let alice = request(endpoint, "alice");
        remote.fail_next_connect(FaultKind::RateLimited {
            retry_after: Some(Duration::from_secs(2)),
        });
        pool.acquire(&alice).await.expect_err("it is refused");
        let hasty = alice.clone().with_timeout(Duration::from_secs(1));
        let began = Instant::now();
        let (hasty, patient) = tokio::join!(pool.acquire(&hasty), pool.acquire(&alice));
        hasty.expect_err("the endpoint wants two seconds");
        drop(patient.expect("a session after two seconds"));
        assert_eq!(began.elapsed().as_secs(), 2);
        assert_eq!(remote.connects(), 2);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_further_session_is_requested_again_after_a_while() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice").with_timeout(Duration::from_secs(120));
    let lease = pool.acquire(&alice).await.expect("a session");
    remote.fail_next_connect(FaultKind::RateLimited { retry_after: None });
    let began = Instant::now();
    let second = pool.acquire(&alice).await.expect("a session of its own");
    assert!(second.is_fresh());
    assert_eq!(began.elapsed().as_secs(), 30);
    drop((lease, second));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_shows_that_its_key_opens_no_further_session_for_a_while() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice").with_timeout(Duration::from_secs(120));
    let lease = pool.acquire(&alice).await.expect("a session");
    let key = lease.key().fingerprint();
    let is_paused = || pool.key_details(key).expect("the key").stats.paused;
    assert!(!is_paused());
    remote.fail_next_connect(FaultKind::RateLimited { retry_after: None });
    let (second, ()) = tokio::join!(pool.acquire(&alice), async {
        sleep(Duration::from_secs(1)).await;
        assert!(is_paused());
    });
    assert!(!is_paused());
    drop((lease, second));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_only_session_ended_requests_one_though_another_was_refused() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    remote.fail_next_connect(FaultKind::RateLimited { retry_after: None });
    let (second, ()) = tokio::join!(pool.acquire(&alice), async {
        sleep(Duration::from_secs(1)).await;
        lease.discard();
    });
    assert!(second.expect("a session in its place").is_fresh());
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_only_session_is_given_up_by_one_of_its_users_requests_one_at_once() {
    let (connector, remote) = fake::connector();
    remote.allow_concurrent_calls(2);
    let pool = pool_over(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    let given_up = pool.acquire(&alice).await.expect("a session");
    let kept = pool.acquire(&alice).await.expect("the session");
    remote.fail_next_connect(FaultKind::RateLimited { retry_after: None });
    let began = Instant::now();
    let (third, ()) = tokio::join!(pool.acquire(&alice), async {
        sleep(Duration::from_millis(100)).await;
        given_up.discard();
    });
    assert!(third.expect("a session in its place").is_fresh());
    assert_eq!(began.elapsed(), Duration::from_millis(100));
    drop(kept);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_without_a_session_gets_the_refusal() {
    for refusal in refusals() {
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, PoolConfig::default());
        remote.on_connect(Behaviour::Fail(refusal.clone()));
        let error = pool.acquire(&request(fake::endpoint("a"), "alice")).await;
        assert!(
            matches!(&error, Err(AcquireError::Connect(cause)) if *cause.kind() == refusal),
            "{error:?}"
        );
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn farewells_to_a_server_that_hangs_hold_up_no_other_server_and_all_begin_in_time() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_close_timeout(Duration::from_secs(2));
    let pool = pool_over(connector, config);
    let mut leases = Vec::new();
    for user in 0..200 {
        let request = request(fake::endpoint("hangs"), &format!("user-{user}"));
        leases.push(pool.acquire(&request).await.expect("a session"));
    }
    drop(leases);
    remote.on_close(Behaviour::Never);
    let began = Instant::now();
    let report = pool.close(Duration::from_secs(4)).await;
    assert_eq!((report.closed, report.complete), (200, true), "{report:?}");
    assert!(
        began.elapsed() <= Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_close_reports_the_farewells_that_are_not_over() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_close_timeout(Duration::from_secs(1))
        .with_max_total_sessions(0);
    let pool = pool_over(connector, config);
    for user in 0..2_000 {
        let request = request(fake::endpoint("slow"), &format!("user-{user}"));
        drop(pool.acquire(&request).await.expect("a session"));
    }
    remote.on_close(Behaviour::Slow(Duration::from_millis(900)));
    let report = pool.close(Duration::from_secs(2)).await;
    assert!(!report.complete && report.unfinished > 0, "{report:?}");
    assert_eq!(report.closed + report.unfinished, 2_000, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_close_with_much_time_takes_leave_of_every_session() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_close_timeout(Duration::from_secs(1))
        .with_max_total_sessions(0);
    let pool = pool_over(connector, config);
    for user in 0..2_000 {
        let request = request(fake::endpoint("slow"), &format!("user-{user}"));
        drop(pool.acquire(&request).await.expect("a session"));
    }
    remote.on_close(Behaviour::Slow(Duration::from_millis(900)));
    let report = pool.close(Duration::from_secs(60)).await;
    assert_eq!(
        (report.closed, report.complete),
        (2_000, true),
        "{report:?}"
    );
}
