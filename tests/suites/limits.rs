//! In use, idle and connecting stay within every limit, at every instant.

use std::time::Duration;

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{PoolConfig, SessionPool, error::FaultKind};

use crate::common::{close, pool_over, request};

/// Looks at every limit. The rows of several keys are not of one instant unless nobody else runs.
fn look(pool: &SessionPool, is_alone: bool) {
    let stats = pool.stats();
    assert!(
        stats.total_sessions <= stats.max_total_sessions,
        "{stats:?}"
    );
    let mut all = 0;
    for row in stats.pools.values() {
        let sessions = row.available + row.active + row.connecting;
        assert!(sessions <= row.max, "{row:?}");
        all += row.available + row.active;
    }
    if is_alone {
        assert!(stats.pool_key_count <= stats.max_total_keys, "{stats:?}");
        assert!(all <= stats.total_sessions, "{stats:?}");
    }
}

#[tokio::test]
async fn no_limit_is_ever_exceeded_whatever_fails_and_whoever_leaves() {
    a_crowd_comes_and_goes(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_limit_is_ever_exceeded_by_several_threads_either() {
    a_crowd_comes_and_goes(false).await;
}

async fn a_crowd_comes_and_goes(is_alone: bool) {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_sessions_per_key(3)
        .with_max_total_sessions(7)
        .with_max_total_keys(5)
        .with_session_ttl(Duration::from_millis(20))
        .with_circuit_breaker_threshold(1_000_000);
    let pool = pool_over(connector, config);
    let users = (0..40u64).map(|user| {
        let (pool, remote) = (pool.clone(), remote.clone());
        tokio::spawn(async move {
            let me = request(fake::endpoint("a"), &format!("user-{}", user % 9));
            for round in 0..30u64 {
                match (user * 7 + round * 3) % 10 {
                    0 => remote.on_connect(Behaviour::Slow(Duration::from_millis(2))),
                    1 => remote.on_connect(Behaviour::Fail(FaultKind::Unreachable)),
                    2 => remote.on_connect(Behaviour::Ok),
                    3 => remote.end_sessions(),
                    4 => drop(pool.drain()),
                    _ => {}
                }
                let patience = Duration::from_micros((user * 131 + round * 977) % 5_000);
                let acquire = tokio::time::timeout(patience, pool.acquire(&me)).await;
                look(&pool, is_alone);
                match acquire {
                    Ok(Ok(lease)) if round % 4 == 0 => lease.discard(),
                    Ok(Ok(lease)) => {
                        tokio::time::sleep(Duration::from_micros(300)).await;
                        drop(lease);
                    }
                    _ => {}
                }
                look(&pool, is_alone);
            }
        })
    });
    for user in users.collect::<Vec<_>>() {
        user.await.expect("nobody panics");
    }
    remote.on_connect(Behaviour::Ok);
    let me = request(fake::endpoint("a"), "afterwards");
    drop(pool.acquire(&me).await.expect("the pool still works"));
    close(&pool).await;
    assert_eq!(remote.open() + remote.connecting(), 0);
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_least_recently_used_key_makes_room() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_total_sessions(3);
    let pool = pool_over(connector, config);
    let of = |user: &str| request(fake::endpoint(user), user);
    for user in ["a", "b", "c", "a"] {
        drop(pool.acquire(&of(user)).await.expect("a session"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(pool.acquire(&of("d")).await.expect("a session"));
    assert_eq!(
        remote.open_at(&fake::endpoint("b")),
        0,
        "b was used the longest ago"
    );
    for user in ["a", "c", "d"] {
        assert_eq!(remote.open_at(&fake::endpoint(user)), 1, "{user}");
    }
    assert_eq!(pool.stats().evictions, 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_of_keys_an_unused_one_makes_room() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_total_keys(2);
    let pool = pool_over(connector, config);
    for user in 0..10 {
        let me = request(fake::endpoint("a"), &format!("user-{user}"));
        drop(pool.acquire(&me).await.expect("a session"));
        assert!(pool.stats().pool_key_count <= 2);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(pool.stats().pool_keys_evicted, 8);
    assert_eq!(remote.open(), 2);
    close(&pool).await;
}
