//! The number of allocations of an acquire.
//!
//! Counting slows every allocation down, so it runs in its own process.

use super::{report::Allocations, rig::Rig};
use crate::Result;

/// Counts, and prints the counts as JSON.
pub(crate) fn count() -> Result {
    println!("{}", serde_json::to_string(&counts(&Rig::new()?))?);
    Ok(())
}

fn counts(rig: &Rig) -> Allocations {
    Allocations {
        client_acquire_allocs: mean(rig, async || rig.by_client().await),
        pool_acquire_allocs: mean(rig, async || rig.by_request().await),
        raw_800_allocs: mean(rig, async || rig.by_headers().await),
    }
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

const OPERATIONS: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_acquire_does_not_allocate_and_a_raw_one_does() {
        let counts = counts(&Rig::new().unwrap());
        assert!(counts.client_acquire_allocs < 0.01, "{counts:?}");
        assert!(counts.pool_acquire_allocs < 0.01, "{counts:?}");
        assert!(counts.raw_800_allocs >= 1.0, "{counts:?}");
    }
}
