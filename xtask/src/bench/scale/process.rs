//! A pool of many keys in a process of its own.

use std::{hint::black_box, time::Duration};

use cpu_time::{ProcessTime, ThreadTime};
use mcp_pool_core::{
    AcquireRequest, Endpoint, EvictMode, PoolConfig, PooledClient, Principal, Selector,
    SessionPool, stats::KeyQuery,
};
use serde::{Deserialize, Serialize};
use tokio::{
    runtime::{Builder, Handle},
    task::{coop::unconstrained, yield_now},
    time::{Instant, sleep},
};

use super::{
    chain::chain_ns,
    repeated::{ACQUIRES, ROUNDS, next},
    still::StillConnector,
};
use crate::{Result, statistics::median};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct ScaleOptions {
    /// The number of keys, each with a session.
    #[arg(long)]
    keys: usize,
    /// Makes so many acquires and nothing else, for a tool that counts.
    #[arg(long)]
    acquires: Option<u32>,
    /// Measures the longest poll while all sessions expire, so many seconds after the first was opened.
    #[arg(long)]
    expire_after: Option<u64>,
}

/// The figures of a number of keys.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) acquire_ns: f64,
    pub(super) chain_ns: f64,
    pub(super) stats_ms: f64,
    pub(super) endpoint_stats_ms: f64,
    pub(super) key_page_ms: f64,
    pub(super) evict_principal_ms: f64,
    pub(super) idle_cpu_ms_per_s: f64,
    pub(super) idle_wakeups_per_s: f64,
    pub(super) longest_poll_ms: f64,
    pub(super) longest_drain_poll_ms: f64,
}

/// Measures, and prints the figures as JSON.
pub(crate) fn scale(options: &ScaleOptions) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let reading = runtime.block_on(unconstrained(measure(options)))?;
    println!("{}", serde_json::to_string(&reading)?);
    Ok(())
}

async fn measure(options: &ScaleOptions) -> Result<Reading> {
    let without_pool = match options.acquires.is_none() && options.expire_after.is_none() {
        true => idle().await,
        false => Idle::default(),
    };
    let pool = pool(options.expire_after.map(Duration::from_secs))?;
    let opened = Instant::now();
    let clients = clients(&pool, options.keys).await?;
    if let Some(acquires) = options.acquires {
        acquire(&clients, acquires, 0).await;
        return Ok(Reading::default());
    }
    if let Some(seconds) = options.expire_after {
        let expiry = opened + Duration::from_secs(seconds);
        // Lives are up to a tenth shorter.
        if opened.elapsed() > Duration::from_secs(seconds) * 9 / 10 {
            return Err("the first sessions expired before the last was open".into());
        }
        let end = expiry + EXPIRED;
        let longest_poll_ms = longest_poll(&clients, || Instant::now() < end).await;
        return Ok(Reading {
            longest_poll_ms,
            ..Reading::default()
        });
    }
    let acquire_ns = acquire_ns(&clients).await;
    let idle = idle().await;
    let nobody = Selector::principal(&Principal::user("stranger"));
    let query = KeyQuery::default();
    let reading = Reading {
        acquire_ns,
        chain_ns: chain_ns(options.keys),
        stats_ms: ms(|| drop(black_box(pool.stats()))),
        endpoint_stats_ms: ms(|| drop(black_box(pool.endpoint_stats()))),
        key_page_ms: ms(|| drop(black_box(pool.key_stats(&query)))),
        evict_principal_ms: ms(|| {
            black_box(pool.evict(&nobody, EvictMode::Graceful));
        }),
        idle_cpu_ms_per_s: (idle.cpu_ms_per_s - without_pool.cpu_ms_per_s).max(0.0),
        idle_wakeups_per_s: idle.wakeups_per_s - without_pool.wakeups_per_s,
        longest_poll_ms: 0.0,
        longest_drain_poll_ms: longest_drain_poll(&pool, &clients).await,
    };
    // The end of the process frees the memory at once.
    std::mem::forget((pool, clients));
    Ok(reading)
}

pub(super) fn pool(ttl: Option<Duration>) -> Result<SessionPool> {
    let config = PoolConfig::default()
        .with_max_total_keys(0)
        .with_max_total_sessions(0);
    let config = match ttl {
        Some(ttl) => config.with_session_ttl(ttl),
        None => config,
    };
    let pool = SessionPool::builder()
        .config(config)
        .connector(StillConnector);
    Ok(pool.build()?)
}

async fn clients(pool: &SessionPool, keys: usize) -> Result<Vec<PooledClient>> {
    let endpoint = Endpoint::new("http://localhost/mcp", StillConnector::transport())?;
    let mut clients = Vec::with_capacity(keys);
    for user in 0..keys {
        let principal = Principal::user(format!("user-{user}"));
        let request = AcquireRequest::new(endpoint.clone(), principal);
        let client = pool.client(request).await?;
        drop(client.acquire().await?);
        clients.push(client);
    }
    Ok(clients)
}

/// Acquires of random keys, the same in every run.
async fn acquire(clients: &[PooledClient], acquires: u32, seed: u64) {
    let mut random = seed;
    for _ in 0..acquires {
        random = next(random);
        let client = &clients[(random >> 33) as usize % clients.len()];
        drop(black_box(client.acquire().await));
    }
}

async fn acquire_ns(clients: &[PooledClient]) -> f64 {
    acquire(clients, ACQUIRES, 1).await;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        // The pool's own task has its turn.
        sleep(Duration::from_millis(2)).await;
        let begun = Instant::now();
        acquire(clients, ACQUIRES, round).await;
        rounds.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(ACQUIRES));
    }
    median(rounds)
}

fn ms(view: impl Fn()) -> f64 {
    median((0..ROUNDS).map(|_| {
        let begun = Instant::now();
        view();
        begun.elapsed().as_secs_f64() * 1e3
    }))
}

/// What this process does while no one uses it.
#[derive(Default)]
struct Idle {
    cpu_ms_per_s: f64,
    wakeups_per_s: f64,
}

/// What this process does in each second in which it waits for the end of a time alone.
async fn idle() -> Idle {
    sleep(Duration::from_secs(1)).await;
    let runtime = Handle::current().metrics();
    let (cpu, parked) = (ProcessTime::now(), runtime.worker_park_count(0));
    sleep(IDLE).await;
    let parked = runtime.worker_park_count(0) - parked;
    Idle {
        cpu_ms_per_s: cpu.elapsed().as_secs_f64() * 1e3 / IDLE.as_secs_f64(),
        wakeups_per_s: parked as f64 / IDLE.as_secs_f64(),
    }
}

/// The longest CPU time of this thread between two turns of a load, in milliseconds: of the polls of all
/// other tasks, which are the pool's.
async fn longest_poll(clients: &[PooledClient], goes_on: impl Fn() -> bool) -> f64 {
    let mut longest = Duration::ZERO;
    let mut turn = 0;
    while goes_on() {
        turn += 1;
        acquire(clients, 10, turn).await;
        let left = ThreadTime::now();
        yield_now().await;
        longest = longest.max(left.elapsed());
    }
    longest.as_secs_f64() * 1e3
}

/// The longest poll while all sessions are drained.
async fn longest_drain_poll(pool: &SessionPool, clients: &[PooledClient]) -> f64 {
    let pool = pool.clone();
    let drain = tokio::spawn(async move { pool.drain_in_slices().await });
    longest_poll(clients, || !drain.is_finished()).await
}

const IDLE: Duration = Duration::from_secs(3);
const EXPIRED: Duration = Duration::from_secs(2);
