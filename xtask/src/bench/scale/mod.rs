//! Cost against size: pools of ten to a million keys, each in a process of its own.

mod chain;
mod lines;
#[cfg(feature = "count-allocations")]
mod memory;
mod process;
mod repeated;
mod still;

use std::{env, process::Command};

use serde::{Deserialize, Serialize};

pub(super) use self::lines::scale_lines;
#[cfg(feature = "count-allocations")]
pub(super) use self::memory::key_memory;
use self::process::Reading;
pub(crate) use self::process::{ScaleOptions, scale};
use super::instructions::{Tool, counted};
use crate::Result;

/// The sizes to measure.
#[derive(Clone, Copy)]
pub(super) struct ScaleEffort {
    /// What the others are compared with.
    pub(super) small: usize,
    pub(super) large: usize,
    pub(super) huge: usize,
    /// When the sessions of the large and of the huge pool expire, in seconds.
    pub(super) expire_after: [u64; 2],
    /// Whether to simulate a cache, which takes a minute.
    pub(super) cache: bool,
}

/// The figures of the sizes. The names are those of a thorough run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct ScaleFigures {
    pub(super) scale_1k_ns: f64,
    pub(super) scale_100k_ns: f64,
    pub(super) scale_1m_ns: f64,
    /// The loads of client, key and session alone, without a pool.
    pub(super) chain_100k_ns: f64,
    pub(super) chain_1m_ns: f64,
    /// An acquire at that many keys by one at 1,000.
    pub(super) scale_100k_ratio: f64,
    pub(super) scale_1m_ratio: f64,
    pub(super) stats_100k_ms: f64,
    pub(super) endpoint_stats_100k_ms: f64,
    pub(super) key_page_100k_ms: f64,
    pub(super) evict_principal_100k_ms: f64,
    /// The longest poll of the pool's tasks beside a load while all sessions expire, CPU time.
    pub(super) longest_poll_100k_ms: f64,
    pub(super) longest_poll_1m_ms: f64,
    /// The longer of both.
    pub(super) longest_poll_ms: f64,
    /// The same while a pool of 100,000 keys is drained in slices.
    pub(super) longest_drain_poll_100k_ms: f64,
    /// More than the runtime without a pool takes.
    pub(super) idle_cpu_ms_per_s: f64,
    pub(super) idle_wakeups_per_s: f64,
    /// The misses of the last-level cache of an acquire, simulated; `None` where there is no valgrind.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) cold_lines_per_hit: Option<f64>,
}

/// The time of an acquire at so many keys, in nanoseconds.
pub(super) fn acquire_ns(keys: usize) -> Result<f64> {
    Ok(process(keys, None)?.acquire_ns)
}

/// Measures every size.
pub(super) fn measure(effort: ScaleEffort) -> Result<ScaleFigures> {
    let small = process(effort.small, None)?;
    let large = process(effort.large, None)?;
    let huge = process(effort.huge, None)?;
    let [of_large, of_huge] = effort.expire_after;
    let poll_large = process(effort.large, Some(of_large))?.longest_poll_ms;
    let poll_huge = process(effort.huge, Some(of_huge))?.longest_poll_ms;
    Ok(ScaleFigures {
        scale_1k_ns: small.acquire_ns,
        scale_100k_ns: large.acquire_ns,
        scale_1m_ns: huge.acquire_ns,
        chain_100k_ns: large.chain_ns,
        chain_1m_ns: huge.chain_ns,
        scale_100k_ratio: large.acquire_ns / small.acquire_ns,
        scale_1m_ratio: huge.acquire_ns / small.acquire_ns,
        stats_100k_ms: large.stats_ms,
        endpoint_stats_100k_ms: large.endpoint_stats_ms,
        key_page_100k_ms: large.key_page_ms,
        evict_principal_100k_ms: large.evict_principal_ms,
        longest_poll_100k_ms: poll_large,
        longest_poll_1m_ms: poll_huge,
        longest_poll_ms: poll_large.max(poll_huge),
        longest_drain_poll_100k_ms: large.longest_drain_poll_ms,
        idle_cpu_ms_per_s: large.idle_cpu_ms_per_s,
        idle_wakeups_per_s: large.idle_wakeups_per_s,
        cold_lines_per_hit: if effort.cache { cold_lines()? } else { None },
    })
}

fn process(keys: usize, expire_after: Option<u64>) -> Result<Reading> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["bench-scale", "--keys", &keys.to_string()]);
    if let Some(seconds) = expire_after {
        command.args(["--expire-after", &seconds.to_string()]);
    }
    let output = command.output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout)?),
        false => Err(format!("a pool of {keys} keys: {error}").into()),
    }
}

/// The cache lines that an acquire of a random key fetches from memory.
///
/// Two counts with different numbers of acquires cancel out what comes before them.
fn cold_lines() -> Result<Option<f64>> {
    let misses = |acquires: u32| {
        let keys = CACHE_KEYS.to_string();
        let acquires = acquires.to_string();
        let arguments = ["bench-scale", "--keys", &keys, "--acquires", &acquires];
        counted(Tool::CacheMisses, &arguments)
    };
    let (few, many) = (misses(FEW)?, misses(MANY)?);
    let acquires = f64::from(MANY - FEW);
    Ok(few.zip(many).map(|(few, many)| (many - few) / acquires))
}

/// Their memory is many times the cache that is simulated.
const CACHE_KEYS: usize = 20_000;
const FEW: u32 = 10_000;
const MANY: u32 = 50_000;
