//! What the pictures show.

use super::{
    super::{
        crowd::{Slots, crowd},
        rig::Rig,
        rows::client_acquire_ns,
        scale::acquire_ns,
        wire::memory_of,
    },
    bars::Bars,
    chart::{Chart, Line},
};
use crate::{Result, statistics::median};

/// The charts, measured.
pub(super) fn charts() -> Result<[Chart; 3]> {
    Ok([wait()?, cost()?, memory()?])
}

/// The wait for one of ten slots, against the number of callers.
fn wait() -> Result<Chart> {
    let rig = Rig::new()?;
    let [ours, ours_p99] = waits(&rig, rig.client.clone());
    let [peers, peers_p99] = waits(&rig, rig.deadpool.clone());
    let line = |label, points| Line { label, points };
    Ok(Chart {
        name: "wait-against-load",
        title: "The wait for one of 10 slots",
        x: "callers",
        y: "microseconds",
        lines: vec![
            line("this pool, p99", ours_p99),
            line("deadpool, p99", peers_p99),
            line("this pool, p50", ours),
            line("deadpool, p50", peers),
        ],
    })
}

/// The median and the 99th percentile for each number of callers.
fn waits(rig: &Rig, slots: impl Slots) -> [Vec<(f64, f64)>; 2] {
    let mut waits = [Vec::new(), Vec::new()];
    for callers in CALLERS {
        let rounds = [(); ROUNDS].map(|()| crowd(&rig.runtime, slots.clone(), callers, TURNS));
        let x = f64::from(callers);
        waits[0].push((
            x,
            median(rounds.iter().map(|round| round.p50_us).collect::<Vec<_>>()),
        ));
        waits[1].push((
            x,
            median(rounds.iter().map(|round| round.p99_us).collect::<Vec<_>>()),
        ));
    }
    waits
}

/// The time of an acquire, against the number of keys.
fn cost() -> Result<Chart> {
    let mut points = Vec::new();
    for keys in KEYS {
        points.push((keys as f64, acquire_ns(keys)?));
    }
    Ok(Chart {
        name: "cost-against-keys",
        title: "An acquire of a random key, and its release",
        x: "keys, each with a client and a session",
        y: "nanoseconds",
        lines: vec![Line {
            label: "client.acquire() and drop",
            points,
        }],
    })
}

/// The memory of idle sessions, against their number.
fn memory() -> Result<Chart> {
    let mut points = Vec::new();
    for sessions in SESSIONS {
        let bytes = memory_of(sessions)?.ok_or("this system does not show the memory")?;
        points.push((f64::from(sessions), bytes / 1e6));
    }
    Ok(Chart {
        name: "memory-against-sessions",
        title: "Idle sessions of as many users, their keys included",
        x: "sessions",
        y: "megabytes",
        lines: vec![Line {
            label: "resident memory",
            points,
        }],
    })
}

/// A call by its parts.
pub(super) fn parts() -> Result<Bars> {
    let rig = Rig::new()?;
    let acquire = client_acquire_ns(&rig) / 1e3;
    let [pooled, held] = rig.wire.parts(&rig.runtime, CALLS);
    let bar = |acquire: f64, parts: super::super::wire::Parts| {
        let rest = parts.client_us - acquire;
        vec![acquire, rest, parts.server_us, parts.idle_us()]
    };
    Ok(Bars {
        name: "call-by-part",
        title: "A call over Streamable HTTP on loopback",
        x: "microseconds",
        parts: vec![
            "acquire and release",
            "the rest of the client",
            "the server",
            "neither computes",
        ],
        bars: vec![
            ("rmcp's client", bar(0.0, held)),
            ("this pool", bar(acquire, pooled)),
        ],
    })
}

const CALLERS: [u32; 7] = [10, 16, 32, 64, 128, 256, 512];
const KEYS: [usize; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
const SESSIONS: [u32; 4] = [1_000, 5_000, 20_000, 50_000];
const ROUNDS: usize = 15;
const TURNS: u32 = 150;
const CALLS: u32 = 3_000;
