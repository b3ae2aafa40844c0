//! Many tasks that need few slots at the same time.

use std::{future::Future, sync::Arc};

use mcp_pool_core::{Lease, PooledClient};
use tokio::{
    runtime::Runtime,
    sync::Barrier,
    task::{JoinSet, yield_now},
    time::Instant,
};

use super::peers::Trivial;
use crate::statistics::per_mille;

/// The figures of a crowd.
pub(super) struct Crowd {
    pub(super) ops_per_s: f64,
    /// The median of the time that a task waits for its slot.
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
}

/// A source of slots for a crowd.
pub(super) trait Slots: Clone + Send + Sync + 'static {
    type Slot: Send;

    /// Takes a slot. The random number chooses the key.
    fn take(&self, random: u64) -> impl Future<Output = Self::Slot> + Send;
}

/// One client for each of many keys.
#[derive(Clone)]
pub(super) struct ManyKeys(pub(super) Arc<[PooledClient]>);

/// Lets so many tasks take `turns` slots each.
///
/// A task yields once while it holds a slot, as it would to await the answer of a server; otherwise
/// no task would ever wait. It takes as many slots before that are not measured, so that no figure is of the
/// memory that another row has left in the caches.
pub(super) fn crowd(runtime: &Runtime, slots: impl Slots, tasks: u32, turns: u32) -> Crowd {
    runtime.block_on(async {
        let start = Arc::new(Barrier::new(tasks as usize + 1));
        let mut crowd = JoinSet::new();
        for number in 0..tasks {
            let (slots, start) = (slots.clone(), Arc::clone(&start));
            crowd.spawn(async move {
                waits(&slots, tasks + number, turns).await;
                start.wait().await;
                waits(&slots, number, turns).await
            });
        }
        start.wait().await;
        let begun = Instant::now();
        let all = crowd.join_all().await.concat();
        let time = begun.elapsed();
        let us = |share| per_mille(all.clone(), share) as f64 / 1e3;
        Crowd {
            ops_per_s: all.len() as f64 / time.as_secs_f64(),
            p50_us: us(500),
            p99_us: us(990),
            p999_us: us(999),
        }
    })
}

/// The time that a task waits for each of its slots, in nanoseconds.
async fn waits(slots: &impl Slots, number: u32, turns: u32) -> Vec<u64> {
    let mut waits = Vec::with_capacity(turns as usize);
    for turn in 0..turns {
        let random = scatter(u64::from(number) << 32 | u64::from(turn));
        let began = Instant::now();
        let slot = slots.take(random).await;
        waits.push(began.elapsed().as_nanos() as u64);
        yield_now().await;
        drop(slot);
    }
    waits
}

/// Scatters numbers evenly, the same in every run.
///
/// The finaliser of splitmix64.
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Slots for PooledClient {
    type Slot = Lease;

    async fn take(&self, _random: u64) -> Lease {
        self.acquire()
            .await
            .expect("the server in memory is always there")
    }
}

impl Slots for ManyKeys {
    type Slot = Lease;

    async fn take(&self, random: u64) -> Lease {
        let client = &self.0[(random % self.0.len() as u64) as usize];
        client
            .acquire()
            .await
            .expect("the server in memory is always there")
    }
}

impl Slots for deadpool::managed::Pool<Trivial> {
    type Slot = deadpool::managed::Object<Trivial>;

    async fn take(&self, _random: u64) -> Self::Slot {
        self.get().await.expect("its manager never fails")
    }
}

/// The tasks of the rows.
pub(super) const TASKS: u32 = 64;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_scattered_and_the_same_in_every_run() {
        let keys: HashSet<u64> = (0..10_000).map(|n| scatter(n) % 1_000).collect();
        assert_eq!(keys.len(), 1_000);
        assert_eq!(scatter(1), scatter(1));
    }
}
