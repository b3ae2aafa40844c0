//! The pool over a short interval.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use mcp_pool_core::{
    SessionPool,
    stats::{BreakerState, EndpointStats},
};
use serde::Serialize;

use crate::recorder::{Counts, Reading, rfc3339};

/// The pool over a short interval: counts of what happened in it, and the state at its end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    #[serde(serialize_with = "rfc3339")]
    at: SystemTime,
    /// The length of the interval.
    seconds: f64,
    acquires: Acquires,
    /// Hits by hits and misses; `None` without either.
    hit_rate: Option<f64>,
    sessions: Sessions,
    keys: usize,
    waiting: usize,
    /// The times from a request to its session.
    waits: Spread,
    calls: Calls,
    /// The closed sessions by reason, those with none left out.
    closes: BTreeMap<&'static str, u64>,
    circuits: Circuits,
    /// How many incidents there were so far.
    incidents: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Acquires {
    hits: u64,
    misses: u64,
    failed: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Sessions {
    idle: usize,
    used: usize,
    connecting: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Calls {
    failed: u64,
    #[serde(flatten)]
    spread: Spread,
}

/// Durations in seconds.
#[derive(Clone, Debug, Serialize)]
struct Spread {
    count: u64,
    p50: Option<f64>,
    p99: Option<f64>,
}

/// How many endpoints have a circuit in each state.
#[derive(Clone, Debug, Default, Serialize)]
struct Circuits {
    closed: usize,
    half_open: usize,
    open: usize,
}

impl Sample {
    /// The pool between two readings of its recorder.
    pub(super) fn between(
        pool: &SessionPool,
        before: &Reading,
        now: &Reading,
        time: Duration,
    ) -> Self {
        let (hits, misses) = (now.hits - before.hits, now.misses - before.misses);
        let mut sample = Self {
            at: SystemTime::now(),
            seconds: time.as_secs_f64(),
            acquires: Acquires {
                hits,
                misses,
                failed: now.failed_acquires - before.failed_acquires,
            },
            hit_rate: (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64),
            sessions: Sessions::default(),
            keys: 0,
            waiting: 0,
            waits: Spread::of(&now.waits.since(&before.waits)),
            calls: Calls {
                failed: now.failed_calls - before.failed_calls,
                spread: Spread::of(&now.calls.since(&before.calls)),
            },
            closes: closes(before, now),
            circuits: Circuits::default(),
            incidents: now.incidents,
        };
        for endpoint in pool.endpoint_stats() {
            sample.add(&endpoint);
        }
        sample
    }

    fn add(&mut self, endpoint: &EndpointStats) {
        self.sessions.idle += endpoint.available;
        self.sessions.used += endpoint.active;
        self.sessions.connecting += endpoint.connecting;
        self.keys += endpoint.keys;
        self.waiting += endpoint.waiting;
        let circuits = match endpoint.breaker {
            BreakerState::Closed => &mut self.circuits.closed,
            BreakerState::HalfOpen => &mut self.circuits.half_open,
            _ => &mut self.circuits.open,
        };
        *circuits += 1;
    }
}

impl Spread {
    fn of(counts: &Counts) -> Self {
        Self {
            count: counts.total(),
            p50: counts.quantile(0.5),
            p99: counts.quantile(0.99),
        }
    }
}

fn closes(before: &Reading, now: &Reading) -> BTreeMap<&'static str, u64> {
    let since = |(reason, count): (&&'static str, &u64)| {
        let before = before.closes.get(reason).copied().unwrap_or(0);
        (*reason, count - before)
    };
    let closes = now.closes.iter().map(since);
    closes.filter(|(_, count)| *count > 0).collect()
}
