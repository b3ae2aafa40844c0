//! Every waiter is served, with random limits and random callers.

use std::time::Duration;

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, SessionPool,
    error::{AcquireError, FaultKind},
};
use tokio::time::sleep;

use crate::common::{close, pool_over, request};

fn of(user: &str) -> AcquireRequest {
    request(fake::endpoint("a"), user)
}

/// A random number below `below`; the same for the same seed.
fn below(seed: &mut u64, below: u64) -> u64 {
    // Knuth's MMIX generator. The upper half is used, since the lower bits have short periods.
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

fn any_limits(seed: &mut u64) -> PoolConfig {
    let mut up_to = |most: usize| 1 + below(seed, most as u64) as usize;
    let slots = u32::try_from(up_to(3)).expect("at most 3");
    let slots = slots.try_into().expect("at least 1");
    PoolConfig::default()
        .with_max_sessions_per_key(up_to(3))
        .with_max_concurrent_per_session(slots)
        .with_max_total_sessions(up_to(5))
        .with_max_total_keys(up_to(4))
        .with_session_ttl(Duration::from_millis([5, 1_000_000][up_to(2) - 1]))
        .with_idle_pool_eviction(Duration::from_millis([3, 1_000_000][up_to(2) - 1]))
        .with_circuit_breaker_threshold(1_000_000)
        .with_enabled(up_to(8) > 1)
}

/// A caller that uses the pool at random.
async fn come_and_go(pool: SessionPool, remote: fake::Remote, mut seed: u64) {
    for _ in 0..20 {
        match below(&mut seed, 12) {
            0 => remote.on_connect(Behaviour::Fail(FaultKind::Unreachable)),
            1 => remote.on_connect(Behaviour::Slow(Duration::from_millis(2))),
            2 | 3 => remote.on_connect(Behaviour::Ok),
            4 => remote.end_sessions(),
            5 => drop(pool.drain()),
            _ => {}
        }
        let me = of(&format!("user-{}", below(&mut seed, 6)));
        let timeout = match below(&mut seed, 3) {
            0 => Duration::from_millis(below(&mut seed, 4)),
            _ => Duration::MAX,
        };
        match tokio::time::timeout(timeout, pool.acquire(&me)).await {
            Ok(Ok(lease)) => {
                sleep(Duration::from_millis(below(&mut seed, 4))).await;
                if below(&mut seed, 4) == 0 {
                    lease.discard();
                }
            }
            Ok(Err(AcquireError::Connect(_))) | Err(_) => {}
            Ok(Err(error)) => panic!("a caller was not served: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_waiter_is_served_under_any_limits_and_any_load() {
    for first in 0..SEEDS {
        let mut seed = first;
        let config = any_limits(&mut seed);
        let (connector, remote) = fake::connector();
        let pool = pool_over(connector, config.clone());
        let crowd = (0..12).map(|user| {
            let seed = first * 1_000 + user;
            tokio::spawn(come_and_go(pool.clone(), remote.clone(), seed))
        });
        for caller in crowd.collect::<Vec<_>>() {
            caller
                .await
                .unwrap_or_else(|error| panic!("seed {first}, {config:?}: {error}"));
        }
        remote.on_connect(Behaviour::Ok);
        for user in 0..6 {
            let lease = pool.acquire(&of(&format!("user-{user}"))).await;
            drop(lease.unwrap_or_else(|error| panic!("afterwards, seed {first}: {error}")));
        }
        close(&pool).await;
        assert_eq!(remote.open() + remote.connecting(), 0, "seed {first}");
    }
}

/// Enough to combine every limit with every other one.
const SEEDS: u64 = 40;
