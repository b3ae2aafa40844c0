//! Callers of as many keys at once while no session is free.

use std::time::Duration;

use mcp_pool_testkit::fake;
use mcp_session_pool::{AcquireRequest, PoolConfig, Principal, SessionPool, error::AcquireError};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{report::Figure, ticker::with_ticker};
use crate::{Result, statistics::percentile};

/// How long so many callers wait for a session that does not come, beside as many timers alone.
pub(super) async fn measure(callers: usize, bounded: bool) -> Result<Vec<Figure>> {
    let (bare_ms, bare_late_us) = with_ticker(bare(callers)).await?;
    let (ended, late_us) = with_ticker(flood(callers, bounded)).await?;
    let (waited_ms, refused) = ended;
    let name = format!(
        "overload_{callers}{}",
        if bounded { "_bounded" } else { "" }
    );
    let late = percentile(late_us, 99) as f64 / 1_000.0;
    let bare_late = percentile(bare_late_us, 99) as f64 / 1_000.0;
    Ok(vec![
        Figure::new(
            format!("{name}_bare_p99_ms"),
            percentile(bare_ms, 99) as f64,
        ),
        Figure::new(
            format!("{name}_p50_ms"),
            percentile(waited_ms.clone(), 50) as f64,
        ),
        Figure::new(format!("{name}_p99_ms"), percentile(waited_ms, 99) as f64)
            .at_most(if callers > 8_000 { 2_200.0 } else { 2_100.0 }),
        Figure::new(format!("{name}_refused"), refused as f64),
        Figure::new(format!("{name}_bare_timer_late_ms"), bare_late),
        Figure::new(format!("{name}_timer_late_ms"), late).at_most(bare_late + 50.0),
    ])
}

/// As many tasks that wait for a timer alone.
async fn bare(callers: usize) -> Result<Vec<u64>> {
    let wait = |_| {
        tokio::spawn(async {
            let came = Instant::now();
            sleep(TIMEOUT).await;
            millis(came.elapsed())
        })
    };
    let waits: Vec<_> = (0..callers).map(wait).collect();
    let mut waited = Vec::new();
    for wait in waits {
        waited.push(wait.await?);
    }
    Ok(waited)
}

/// How long each caller waited, and how many were refused.
async fn flood(callers: usize, bounded: bool) -> Result<(Vec<u64>, usize)> {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_total_sessions(1)
        .with_acquire_timeout(TIMEOUT);
    let config = match bounded {
        true => config.with_max_total_waiters(BOUND),
        false => config
            .with_max_waiters_per_key(0)
            .with_max_waiters_per_share(0)
            .with_max_total_waiters(0)
            .with_shed_delay_target(Duration::ZERO),
    };
    let pool = SessionPool::builder().connector(connector).config(config);
    let pool = pool.build()?;
    let of = |user: String| AcquireRequest::new(fake::endpoint("a"), Principal::user(user));
    let held = pool.acquire(&of("holder".to_owned())).await?;
    let requests: Vec<_> = (0..callers).map(|n| of(n.to_string())).collect();
    let wait = |request| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let came = Instant::now();
            let error = pool.acquire(&request).await.err();
            (millis(came.elapsed()), error)
        })
    };
    let waits: Vec<JoinHandle<_>> = requests.into_iter().map(wait).collect();
    let (mut waited, mut refused) = (Vec::new(), 0);
    for wait in waits {
        match wait.await? {
            (_, Some(AcquireError::Overloaded { .. })) => refused += 1,
            (time, Some(error)) if error.is_timeout() => waited.push(time),
            (_, other) => return Err(format!("not a timeout: {other:?}").into()),
        }
    }
    drop(held);
    pool.close(Duration::from_secs(1)).await;
    Ok((waited, refused))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

const TIMEOUT: Duration = Duration::from_secs(2);

/// So many may wait where the line is bounded.
const BOUND: usize = 1_000;
