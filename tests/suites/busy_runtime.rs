//! A pool keeps up with its own work where the runtime is busy with other tasks.

use std::time::Duration;

use mcp_pool_testkit::fake;
use mcp_session_pool::{Lease, PoolConfig};
use tokio::{task::yield_now, time::advance};

use crate::common::{close, pool_over, request};

/// How long a session lives.
const TTL: Duration = Duration::from_secs(60);
/// The keys that are due at once.
const DUE: usize = 3_000;
/// The sessions to be closed meanwhile.
const DISCARDED: usize = 300;
/// The turns within which they are: a tenth of those that one session a turn would take.
const TURNS: usize = 30;

#[tokio::test(start_paused = true)]
async fn sessions_are_closed_within_a_few_turns_while_thousands_of_keys_are_due() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_total_keys(0)
        .with_max_total_sessions(0)
        .with_session_ttl(TTL)
        .with_session_ttl_jitter(0.0)
        .with_idle_pool_eviction(TTL);
    let pool = pool_over(connector, config);
    for user in 0..DUE {
        let idle = request(fake::endpoint("idle"), &format!("user-{user}"));
        drop(pool.acquire(&idle).await.expect("a session"));
    }
    let mut held = Vec::new();
    for user in 0..DISCARDED {
        let busy = request(fake::endpoint("held"), &format!("user-{user}"));
        held.push(pool.acquire(&busy).await.expect("a session"));
    }
    advance(TTL).await;
    held.into_iter().for_each(Lease::discard);
    // This task is always ready, so that each turn of another one comes after one of its own.
    let mut turns = 0;
    while remote.open_at(&fake::endpoint("held")) > 0 {
        yield_now().await;
        turns += 1;
        assert!(
            turns <= TURNS,
            "{} are open",
            remote.open_at(&fake::endpoint("held"))
        );
    }
    close(&pool).await;
}
