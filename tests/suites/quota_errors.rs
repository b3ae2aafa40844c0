//! Which quota an error names.

use std::time::Duration;

use mcp_pool_testkit::fake;
use mcp_session_pool::{PoolConfig, config::QuotaKind, error::AcquireError};
use tokio::time::sleep;

use crate::common::{close, pool_over, request};

const A_MOMENT: Duration = Duration::from_millis(50);

#[tokio::test(start_paused = true)]
async fn the_error_names_the_quota_that_holds_the_caller_at_its_deadline() {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default()
        .with_acquire_timeout(Duration::from_secs(9))
        .with_max_calls_per_endpoint(2)
        .with_max_calls_per_principal(1);
    let pool = pool_over(connector, config);
    let [alice, bob, carol] =
        ["alice", "bob", "carol"].map(|user| request(fake::endpoint("a"), user));
    let of_bob = pool.acquire(&bob).await.expect("a session");
    let of_carol = pool.acquire(&carol).await.expect("a session");
    let acquire = || {
        let (pool, alice) = (pool.clone(), alice.clone());
        tokio::spawn(async move { pool.acquire(&alice).await })
    };
    let first = acquire();
    sleep(A_MOMENT).await;
    let second = acquire();
    sleep(A_MOMENT).await;
    // Both wait for the endpoint's quota, until only that of their principal is used up.
    drop(of_bob);
    let first = first.await.expect("no panic").expect("served");
    drop(of_carol);
    let error = second.await.expect("no panic").expect_err("too late");
    assert!(
        matches!(error, AcquireError::Quota { quota, .. } if quota == QuotaKind::CallsPerPrincipal),
        "{error:?}"
    );
    drop(first);
    close(&pool).await;
}
