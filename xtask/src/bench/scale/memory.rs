//! The memory of a key, counted by the allocator.

use std::sync::Arc;

use mcp_pool_core::{AcquireRequest, Endpoint, Principal, SessionPool};
use moka::sync::Cache;
use tokio::{runtime::Builder, task::yield_now};

use super::{process::pool, still::StillConnector};
use crate::Result;

/// The memory of a key without a session.
pub(in super::super) struct KeyMemory {
    /// Besides those of the map's entry.
    pub(in super::super) bytes: f64,
    pub(in super::super) allocations: f64,
    /// Of an entry of the map, which is moka's.
    pub(in super::super) map_bytes: f64,
}

/// Makes keys on this thread alone: the allocator counts by thread.
///
/// As many keys are there before that the caches of requests are full.
pub(in super::super) fn key_memory(keys: usize) -> Result<KeyMemory> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let pool = pool(None)?;
    drop(entered);
    runtime.block_on(make(&pool, 0, WARM + keys))?;
    let mut made = Ok(());
    let counted = allocation_counter::measure(|| {
        made = runtime.block_on(make(&pool, WARM + keys, keys));
    });
    made?;
    let map = map(keys);
    let each = |count: i64| count as f64 / keys as f64;
    Ok(KeyMemory {
        bytes: each(counted.bytes_current - map.bytes_current),
        allocations: each(counted.count_current - map.count_current),
        map_bytes: each(map.bytes_current),
    })
}

async fn make(pool: &SessionPool, first: usize, keys: usize) -> Result {
    let endpoint = Endpoint::new("http://localhost/mcp", StillConnector::transport())?;
    for user in first..first + keys {
        let principal = Principal::user(format!("user-{user}"));
        let request = AcquireRequest::new(endpoint.clone(), principal);
        pool.resolve_key(&request).await?;
        if user % TURN == 0 {
            // The pool's own task takes what the keys have for it.
            yield_now().await;
        }
    }
    yield_now().await;
    Ok(())
}

/// What as many entries take that are nothing but numbers.
fn map(keys: usize) -> allocation_counter::AllocationInfo {
    let map: Cache<u64, Arc<u64>> = Cache::builder().build();
    let fill = |first: usize, keys: usize| {
        for number in first..first + keys {
            map.insert(number as u64, Arc::new(0));
        }
        map.run_pending_tasks();
    };
    fill(0, WARM + keys);
    allocation_counter::measure(|| fill(WARM + keys, keys))
}

/// More than the pool remembers requests.
const WARM: usize = 12_000;

/// The pool's task has a turn after so many keys.
const TURN: usize = 16;
