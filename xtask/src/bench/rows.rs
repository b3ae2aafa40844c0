//! What is measured in a round, row by row.

use std::{hint::black_box, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::{runtime::Runtime, task::coop::unconstrained, time::Instant};

use super::{
    crowd::{Crowd, ManyKeys, crowd},
    rig::Rig,
};

/// How much to measure.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    pub(super) rounds: usize,
    /// By one task alone, in each round.
    pub(super) operations: u32,
    /// By each task of a crowd, in each round.
    pub(super) turns: u32,
}

/// What a round measured.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) client_acquire_ns: f64,
    pub(super) client_acquire_allocs: f64,
    pub(super) pool_acquire_ns: f64,
    pub(super) pool_acquire_allocs: f64,
    pub(super) raw_800_ns: f64,
    pub(super) raw_800_allocs: f64,
    pub(super) deadpool_ns: f64,
    pub(super) bb8_ns: f64,
    pub(super) sha256_800_ns: f64,
    pub(super) contended_ops_per_s: f64,
    pub(super) contended_p99_us: f64,
    pub(super) deadpool_contended_ops_per_s: f64,
    pub(super) deadpool_contended_p99_us: f64,
    pub(super) keys_1k_p99_us: f64,
}

/// Measures one thing and writes it down.
pub(super) type Row = fn(&Rig, Effort, &mut Figures);

fn client(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let client = &rig.client;
    let one = alone(&rig.runtime, effort.operations, async || {
        drop(
            client
                .acquire()
                .await
                .expect("the server in memory is always there"),
        );
    });
    figures.client_acquire_ns = one.nanoseconds;
    figures.client_acquire_allocs = one.allocations;
}

fn pool(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let one = alone(&rig.runtime, effort.operations, async || {
        drop(rig.pool.acquire(&rig.request).await.expect("as above"));
    });
    figures.pool_acquire_ns = one.nanoseconds;
    figures.pool_acquire_allocs = one.allocations;
}

fn raw(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let one = alone(&rig.runtime, effort.operations, async || {
        let request = rig.caller.request();
        drop(rig.pool.acquire(&request).await.expect("as above"));
    });
    figures.raw_800_ns = one.nanoseconds;
    figures.raw_800_allocs = one.allocations;
}

fn deadpool(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let one = alone(&rig.runtime, effort.operations, async || {
        drop(rig.deadpool.get().await.expect("its manager never fails"));
    });
    figures.deadpool_ns = one.nanoseconds;
}

fn bb8(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let one = alone(&rig.runtime, effort.operations, async || {
        drop(rig.bb8.get().await.expect("its manager never fails"));
    });
    figures.bb8_ns = one.nanoseconds;
}

fn sha256(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let one = alone(&rig.runtime, effort.operations, async || {
        black_box(Sha256::digest(black_box(&rig.token)));
    });
    figures.sha256_800_ns = one.nanoseconds;
}

fn contended(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let Crowd { ops_per_s, p99_us } = crowd(&rig.runtime, rig.client.clone(), effort.turns);
    figures.contended_ops_per_s = ops_per_s;
    figures.contended_p99_us = p99_us;
}

fn deadpool_contended(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let Crowd { ops_per_s, p99_us } = crowd(&rig.runtime, rig.deadpool.clone(), effort.turns);
    figures.deadpool_contended_ops_per_s = ops_per_s;
    figures.deadpool_contended_p99_us = p99_us;
}

fn many_keys(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let clients = ManyKeys(Arc::clone(&rig.clients));
    figures.keys_1k_p99_us = crowd(&rig.runtime, clients, effort.turns).p99_us;
}

/// The mean cost of an operation.
struct One {
    nanoseconds: f64,
    allocations: f64,
}

/// Runs an operation again and again on this thread, with nothing beside it.
///
/// No turn is given up to other tasks in between: there are none, and it would be the peers that
/// pay, whose semaphores take part in tokio's budget.
fn alone(runtime: &Runtime, operations: u32, operation: impl AsyncFn()) -> One {
    let repeat = async |times: u32| {
        let start = Instant::now();
        for _ in 0..times {
            operation().await;
        }
        start.elapsed()
    };
    // Counting takes time of its own, so it has a pass of its own.
    let time = runtime.block_on(unconstrained(repeat(operations)));
    let counted = operations / 10;
    let allocations = allocation_counter::measure(|| {
        runtime.block_on(unconstrained(repeat(counted)));
    });
    One {
        nanoseconds: time.as_secs_f64() * 1e9 / f64::from(operations),
        allocations: allocations.count_total as f64 / f64::from(counted),
    }
}

pub(super) const ROWS: [Row; 9] = [
    client,
    deadpool,
    pool,
    bb8,
    raw,
    sha256,
    contended,
    deadpool_contended,
    many_keys,
];
