//! The rows of a round.

use std::{cell::Cell, hint::black_box, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::{runtime::Runtime, task::coop::unconstrained, time::Instant};

use super::{
    crowd::{ManyKeys, TASKS, crowd},
    rig::Rig,
    tokens::Tokens,
    wire::WireFigures,
};

/// The size of a measurement.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    pub(super) rounds: usize,
    /// A slow row is measured in each of so many rounds.
    pub(super) rounds_of_slow_row: usize,
    /// By one task alone, in each round.
    pub(super) operations: u32,
    /// By each task of a crowd, in each round.
    pub(super) turns: u32,
    /// Over the network of this machine, in each round.
    pub(super) calls: u32,
    /// By each of 64 callers of a real server, in each round.
    pub(super) caller_calls: u32,
    /// Opened and closed in each round.
    pub(super) sessions: usize,
}

/// The figures of a round.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) client_acquire_ns: f64,
    pub(super) pool_acquire_ns: f64,
    pub(super) raw_800_ns: f64,
    pub(super) deadpool_ns: f64,
    pub(super) bb8_ns: f64,
    pub(super) sha256_800_ns: f64,
    pub(super) contended_ops_per_s: f64,
    pub(super) contended_p99_us: f64,
    pub(super) deadpool_contended_ops_per_s: f64,
    pub(super) deadpool_contended_p99_us: f64,
    pub(super) contended_p50_us: f64,
    pub(super) contended_p999_us: f64,
    pub(super) keys_1k_p99_us: f64,
    /// A key of a thousand, after another one.
    pub(super) keyed_ns: f64,
    /// The same of a map of deadpools.
    pub(super) keyed_peer_ns: f64,
    /// The same of what is written by hand: lists of idle sessions in a map behind one lock.
    pub(super) by_hand_ns: f64,
    pub(super) acquire_with_metrics_ns: f64,
    pub(super) use_ns: f64,
    pub(super) use_with_metrics_ns: f64,
    pub(super) call_with_telemetry_us: f64,
    pub(super) call_pooled_us: f64,
    pub(super) call_held_open_us: f64,
    pub(super) call_by_hand_us: f64,
    pub(super) jwt_seen_ns: f64,
    pub(super) jwt_first_ns: f64,
    pub(super) jwt_bare_ns: f64,
    #[serde(flatten)]
    pub(super) wire: WireFigures,
}

/// Measures one row and stores its figures.
pub(super) type Row = fn(&Rig, Effort, &mut Figures);

/// The time of an acquire by a client and its release, in nanoseconds.
pub(super) fn client_acquire_ns(rig: &Rig) -> f64 {
    alone(&rig.runtime, 100_000, async || {
        rig.by_client().await;
    })
}

fn client(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.client_acquire_ns = alone(&rig.runtime, effort.operations, async || {
        rig.by_client().await;
    });
}

fn pool(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.pool_acquire_ns = alone(&rig.runtime, effort.operations, async || {
        rig.by_request().await;
    });
}

fn raw(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.raw_800_ns = alone(&rig.runtime, effort.operations, async || {
        rig.by_headers().await;
    });
}

fn deadpool(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.deadpool_ns = alone(&rig.runtime, effort.operations, async || {
        drop(rig.deadpool.get().await.expect("its manager never fails"));
    });
}

fn bb8(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.bb8_ns = alone(&rig.runtime, effort.operations, async || {
        drop(rig.bb8.get().await.expect("its manager never fails"));
    });
}

fn sha256(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.sha256_800_ns = alone(&rig.runtime, effort.operations, async || {
        black_box(Sha256::digest(black_box(&rig.token)));
    });
}

fn contended(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let crowd = crowd(&rig.runtime, rig.client.clone(), TASKS, effort.turns);
    figures.contended_ops_per_s = crowd.ops_per_s;
    figures.contended_p50_us = crowd.p50_us;
    figures.contended_p99_us = crowd.p99_us;
    figures.contended_p999_us = crowd.p999_us;
}

fn deadpool_contended(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let crowd = crowd(&rig.runtime, rig.deadpool.clone(), TASKS, effort.turns);
    figures.deadpool_contended_ops_per_s = crowd.ops_per_s;
    figures.deadpool_contended_p99_us = crowd.p99_us;
}

fn many_keys(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let clients = ManyKeys(Arc::clone(&rig.clients));
    figures.keys_1k_p99_us = crowd(&rig.runtime, clients, TASKS, effort.turns).p99_us;
}

fn keyed(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let (ours, peer) = (&rig.clients, &rig.keyed);
    let next = Cell::new(0_usize);
    // Each key in turn, so that the memory of the one before is not the memory of this one.
    let step = |keys: usize| next.replace(next.get() + STRIDE) % keys;
    figures.keyed_ns = alone(&rig.runtime, effort.operations, async || {
        drop(ours[step(ours.len())].acquire().await);
    });
    figures.keyed_peer_ns = alone(&rig.runtime, effort.operations, async || {
        drop(peer.acquire(step(ours.len())).await);
    });
    figures.by_hand_ns = alone(&rig.runtime, effort.operations, async || {
        rig.by_hand.acquire(step(ours.len()));
    });
}

fn with_metrics(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.acquire_with_metrics_ns = alone(&rig.runtime, effort.operations, async || {
        rig.by_client_with_metrics().await;
    });
}

fn used(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.use_ns = alone(&rig.runtime, effort.operations, async || {
        rig.used().await;
    });
    figures.use_with_metrics_ns = alone(&rig.runtime, effort.operations, async || {
        rig.used_with_metrics().await;
    });
}

fn calls(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let calls = rig.telemetry.calls(&rig.runtime, effort.calls);
    figures.call_with_telemetry_us = calls.traced_us;
    figures.call_pooled_us = calls.pooled_us;
    figures.call_held_open_us = calls.held_us;
    figures.call_by_hand_us = calls.by_hand_us;
}

fn jwt_seen(rig: &Rig, effort: Effort, figures: &mut Figures) {
    figures.jwt_seen_ns = alone(&rig.runtime, effort.operations, async || {
        rig.tokens.seen().await;
    });
}

fn jwt_first(rig: &Rig, _effort: Effort, figures: &mut Figures) {
    let run = rig.tokens.first().expect("the key was taken before");
    figures.jwt_first_ns = alone(&rig.runtime, Tokens::COUNT, async || run.next().await);
}

fn jwt_bare(rig: &Rig, _effort: Effort, figures: &mut Figures) {
    let next = Cell::new(0);
    figures.jwt_bare_ns = alone(&rig.runtime, Tokens::COUNT, async || {
        rig.tokens.bare(next.replace(next.get() + 1));
    });
}

fn wire_calls(rig: &Rig, effort: Effort, figures: &mut Figures) {
    rig.wire
        .calls(&rig.runtime, effort.calls, &mut figures.wire);
}

fn wire_crowd(rig: &Rig, effort: Effort, figures: &mut Figures) {
    rig.wire
        .crowd(&rig.runtime, effort.caller_calls, &mut figures.wire);
}

fn wire_life(rig: &Rig, effort: Effort, figures: &mut Figures) {
    let life = rig
        .wire
        .life(&rig.runtime, effort.sessions, &mut figures.wire);
    life.expect("the server is there");
}

/// The mean time of an operation in nanoseconds.
///
/// The operation repeats on this thread without other tasks.
///
/// The future is unconstrained: with tokio's budget, only the other pools would yield, since their
/// semaphores take part in it.
fn alone(runtime: &Runtime, operations: u32, operation: impl AsyncFn()) -> f64 {
    let time = runtime.block_on(unconstrained(async {
        let start = Instant::now();
        for _ in 0..operations {
            operation().await;
        }
        start.elapsed()
    }));
    time.as_secs_f64() * 1e9 / f64::from(operations)
}

/// Prime to the number of keys.
const STRIDE: usize = 331;

pub(super) const ROWS: [Row; 11] = [
    client,
    with_metrics,
    deadpool,
    pool,
    bb8,
    raw,
    sha256,
    contended,
    deadpool_contended,
    many_keys,
    keyed,
];

/// The rows that take long.
pub(super) const SLOW_ROWS: [Row; 8] = [
    used, calls, jwt_seen, jwt_first, jwt_bare, wire_calls, wire_crowd, wire_life,
];
