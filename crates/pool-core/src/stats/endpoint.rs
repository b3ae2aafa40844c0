//! The state of each endpoint, over all of its keys.

use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::{
    acquire::Acquirer,
    time::seconds,
    types::{BreakerState, Endpoint, Era},
    upstream::Upstream,
};

/// The state of an endpoint, over all of its keys.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EndpointStats {
    /// The endpoint; serialised without its query.
    #[serde(serialize_with = "shown")]
    pub endpoint: Endpoint,
    /// The name of the upstream in metrics and alerts: [`Endpoint::upstream`].
    pub upstream: String,
    /// The era of the newest session; `None` before the first.
    pub era: Option<Era>,
    /// Keys known now.
    pub keys: usize,
    /// Idle sessions.
    pub available: usize,
    /// Sessions in use.
    pub active: usize,
    /// Sessions being opened.
    pub connecting: usize,
    /// Waiting callers.
    pub waiting: usize,
    /// Its circuit.
    pub breaker: BreakerState,
    /// Failures in a row to reach it, each of an event of its own.
    pub failures: u32,
    /// The kind of the last of them, as a label.
    pub evidence: Option<&'static str>,
    /// How long the outage has lasted; `None` while the circuit is closed.
    #[serde(serialize_with = "seconds")]
    pub outage: Option<Duration>,
    /// The time until the next probe; `None` while the circuit is closed, or open by hand.
    #[serde(serialize_with = "seconds")]
    pub next_probe: Option<Duration>,
    /// True while the circuit is open by hand.
    pub forced: bool,
}

impl EndpointStats {
    /// The rows of a pool at `now`.
    pub(crate) fn all(pool: &Acquirer, now: Instant) -> Vec<Self> {
        let upstreams = pool.upstreams.all();
        upstreams.iter().map(|it| Self::of(it, now)).collect()
    }

    fn of(upstream: &Upstream, now: Instant) -> Self {
        let mut row = Self::unused(upstream, now);
        upstream.tallies.for_each(|key| {
            let sessions = key.sessions;
            row.keys += 1;
            row.available += sessions.idle;
            row.active += sessions.busy;
            row.connecting += sessions.connecting;
            row.waiting += sessions.waiting;
        });
        row
    }

    fn unused(upstream: &Upstream, now: Instant) -> Self {
        let circuit = upstream.circuit(now);
        Self {
            upstream: upstream.endpoint.upstream().to_owned(),
            endpoint: upstream.endpoint.clone(),
            era: upstream.era(),
            keys: 0,
            available: 0,
            active: 0,
            connecting: 0,
            waiting: 0,
            breaker: circuit.state,
            failures: circuit.failures,
            evidence: circuit.evidence,
            outage: circuit.open_since,
            next_probe: circuit.next_probe,
            forced: circuit.is_forced,
        }
    }
}

fn shown<S: Serializer>(endpoint: &Endpoint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(endpoint)
}
