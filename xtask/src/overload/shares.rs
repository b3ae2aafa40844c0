//! What a crowd of one user leaves to another.

use std::{sync::Arc, time::Duration};

use mcp_pool_testkit::fake;
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Principal, SessionPool,
    extend::{Fair, Fifo, SharePolicy},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use super::report::Figure;
use crate::{Result, statistics::percentile};

/// A crowd of one user, and a few callers of another one.
pub(super) struct Setup {
    name: &'static str,
    sessions: usize,
    crowd: Vec<AcquireRequest>,
    user: Vec<AcquireRequest>,
}

/// What the callers of one user have seen.
#[derive(Default)]
struct Seen {
    calls: usize,
    waits_us: Vec<u64>,
}

pub(super) fn setups() -> Vec<Setup> {
    let of = |user: &'static str, host: usize| {
        let endpoint = fake::endpoint(&format!("h{host}"));
        AcquireRequest::new(endpoint, Principal::user(user))
    };
    let setup = |name, sessions, crowd, user| Setup {
        name,
        sessions,
        crowd,
        user,
    };
    let own_key = |caller: &'static str, count| vec![of("b", 0).with_caller(caller); count];
    vec![
        setup("one_session", 1, vec![of("a", 0); 2], vec![of("b", 0)]),
        setup(
            "busy_keys",
            1,
            vec![of("a", 0); 1_000],
            (0..4).map(|n| of("b", n % 2)).collect(),
        ),
        setup(
            "two_keys",
            4,
            (0..8).map(|n| of("a", n % 2)).collect(),
            vec![of("b", 0); 4],
        ),
        setup("one_key", 8, vec![of("a", 0); 1_000], vec![of("b", 0); 8]),
        setup(
            "many_keys",
            8,
            (0..1_000).map(|n| of("a", n)).collect(),
            vec![of("b", 0); 8],
        ),
        setup("own_key", 8, own_key("crowd", 1_000), own_key("user", 8)),
    ]
}

/// The waits of the user beside the crowd, in shares and in the order of arrival, and beside a crowd as
/// large as its own callers, which is what the sessions divided fairly are.
pub(super) async fn measure(setup: Setup, length: Duration) -> Result<Vec<Figure>> {
    let few = setup.crowd[..setup.user.len().min(setup.crowd.len())].to_vec();
    let [_, alone] = compete(&setup, few, Arc::new(Fair), length).await?;
    let crowd = setup.crowd.clone();
    let [crowd_fifo, user_fifo] = compete(&setup, crowd, Arc::new(Fifo), length).await?;
    let crowd = setup.crowd.clone();
    let [crowd_fair, user_fair] = compete(&setup, crowd, Arc::new(Fair), length).await?;
    let name = setup.name;
    let calls = |one: &Seen, other: &Seen| (one.calls + other.calls) as f64;
    let wait = |seen: &Seen, percent| {
        let waits = seen.waits_us.clone();
        percentile(waits, percent) as f64 / 1_000.0
    };
    let divided = wait(&alone, 99);
    Ok(vec![
        Figure::new(format!("{name}_calls_crowd_fifo"), crowd_fifo.calls as f64),
        Figure::new(format!("{name}_calls_user_fifo"), user_fifo.calls as f64),
        Figure::new(format!("{name}_wait_fifo_p99_ms"), wait(&user_fifo, 99)),
        Figure::new(format!("{name}_calls_crowd_fair"), crowd_fair.calls as f64),
        Figure::new(format!("{name}_calls_user_fair"), user_fair.calls as f64),
        Figure::new(format!("{name}_wait_fair_p50_ms"), wait(&user_fair, 50)),
        Figure::new(format!("{name}_wait_divided_p99_ms"), divided),
        Figure::new(format!("{name}_wait_fair_p99_ms"), wait(&user_fair, 99))
            .at_most(2.0 * divided + TIMER_MS),
        Figure::new(
            format!("{name}_throughput_fifo_by_fair"),
            calls(&crowd_fifo, &user_fifo) / calls(&crowd_fair, &user_fair).max(1.0),
        )
        .at_most(1.0 / 0.95),
    ])
}

/// All callers at once. What the crowd and the user have seen.
async fn compete(
    setup: &Setup,
    crowd: Vec<AcquireRequest>,
    policy: Arc<dyn SharePolicy>,
    length: Duration,
) -> Result<[Seen; 2]> {
    let (connector, remote) = fake::connector();
    remote.on_connect(fake::Behaviour::Slow(HANDSHAKE));
    let config = PoolConfig::default()
        .with_max_total_sessions(setup.sessions)
        .with_max_sessions_per_key(setup.sessions)
        .with_acquire_timeout(length)
        .with_shed_delay_target(Duration::ZERO);
    let pool = SessionPool::builder().connector(connector).config(config);
    let pool = pool.share_policy(policy).build()?;
    let mut callers = JoinSet::new();
    for (group, requests) in [crowd, setup.user.clone()].into_iter().enumerate() {
        for request in requests {
            let calls = call_for(pool.clone(), request, length);
            callers.spawn(async move { (group, calls.await) });
        }
        sleep(HEAD_START).await;
    }
    let mut seen = [Seen::default(), Seen::default()];
    while let Some(done) = callers.join_next().await {
        let (group, of_one) = done?;
        seen[group].calls += of_one.calls;
        seen[group].waits_us.extend(of_one.waits_us);
    }
    pool.close(Duration::from_secs(1)).await;
    Ok(seen)
}

async fn call_for(pool: SessionPool, request: AcquireRequest, length: Duration) -> Seen {
    let end = Instant::now() + length;
    let mut seen = Seen::default();
    while Instant::now() < end {
        let came = Instant::now();
        let lease = timeout_at(end, pool.acquire(&request)).await;
        let waited = u64::try_from(came.elapsed().as_micros()).unwrap_or(u64::MAX);
        seen.waits_us.push(waited);
        if let Ok(Ok(lease)) = lease {
            sleep(CALL).await;
            drop(lease);
            // Later ones are calls of the crowd that no other caller competes with any more.
            seen.calls += usize::from(Instant::now() < end);
        }
    }
    seen
}

/// A call of a fast tool.
const CALL: Duration = Duration::from_millis(10);

/// The handshake of a server nearby.
const HANDSHAKE: Duration = Duration::from_millis(3);

const HEAD_START: Duration = Duration::from_millis(100);

/// Timers are as coarse as this, in milliseconds.
const TIMER_MS: f64 = 5.0;
