//! The number of allocations of an acquire, and the heap of idle sessions.
//!
//! Counting slows every allocation down, so it runs in its own process.

use mcp_pool_core::Lease;
use tokio::task::yield_now;

use super::{
    apart::Allocations,
    rig::{Rig, SLOTS},
    scale::key_memory,
    wire::idle_bytes,
};
use crate::Result;

/// Options of the count.
#[derive(clap::Args)]
pub(crate) struct CountOptions {
    /// The number of idle sessions.
    #[arg(long)]
    sessions: usize,
}

/// Counts, and prints the counts as JSON.
pub(crate) fn count(options: &CountOptions) -> Result {
    let counts = counts(&Rig::new()?, options.sessions)?;
    println!("{}", serde_json::to_string(&counts)?);
    Ok(())
}

fn counts(rig: &Rig, sessions: usize) -> Result<Allocations> {
    let idle = idle_bytes(sessions)?;
    let key = key_memory(sessions)?;
    Ok(Allocations {
        wait_allocs: waits(rig),
        bytes_per_key: key.bytes,
        allocations_per_key: key.allocations,
        map_bytes_per_key: key.map_bytes,
        idle_key_bytes: idle.key,
        idle_session_bytes: idle.session,
        client_acquire_allocs: mean(rig, async || rig.by_client().await),
        pool_acquire_allocs: mean(rig, async || rig.by_request().await),
        raw_800_allocs: mean(rig, async || rig.by_headers().await),
    })
}

/// The mean count of a warm operation on this thread.
fn mean(rig: &Rig, operation: impl AsyncFn()) -> f64 {
    let repeat = async || {
        for _ in 0..OPERATIONS {
            operation().await;
        }
    };
    rig.runtime.block_on(repeat());
    let counted = allocation_counter::measure(|| rig.runtime.block_on(repeat()));
    counted.count_total as f64 / f64::from(OPERATIONS)
}

/// The mean count of a wait for a slot, in a queue that was used before. The caller before it gives its
/// slot back meanwhile.
fn waits(rig: &Rig) -> f64 {
    let wait_in_turn = async |held: &mut Vec<Lease>| {
        while let Some(lease) = rig.client.try_acquire() {
            held.push(lease);
        }
        for _ in 0..OPERATIONS {
            let mut next = std::pin::pin!(rig.client.acquire());
            tokio::select! {
                biased;
                _ = &mut next => unreachable!("every slot is in use"),
                () = yield_now() => held.truncate(held.len() - 1),
            }
            held.extend(next.await);
        }
        held.clear();
    };
    let opened = async || {
        let mut all = Vec::new();
        for _ in 0..SLOTS {
            all.push(rig.client.acquire().await);
        }
    };
    rig.runtime.block_on(opened());
    // Its own memory is not counted.
    let mut held = Vec::new();
    rig.runtime.block_on(wait_in_turn(&mut held));
    let counted = allocation_counter::measure(|| rig.runtime.block_on(wait_in_turn(&mut held)));
    counted.count_total as f64 / f64::from(OPERATIONS)
}

const OPERATIONS: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_acquire_does_not_allocate_and_a_raw_one_does() {
        let counts = counts(&Rig::new().unwrap(), 100).unwrap();
        assert!(counts.client_acquire_allocs < 0.01, "{counts:?}");
        assert!(counts.pool_acquire_allocs < 0.01, "{counts:?}");
        assert!(counts.raw_800_allocs >= 1.0, "{counts:?}");
        assert!(counts.idle_session_bytes > 0.0, "{counts:?}");
    }
}
