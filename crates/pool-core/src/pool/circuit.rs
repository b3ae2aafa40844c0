//! The circuit of an endpoint, by hand.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::time::Instant;

use super::session_pool::SessionPool;
use crate::{
    time::seconds,
    types::{BreakerState, Endpoint},
    upstream::Upstream,
};

/// The circuit of an endpoint. It acts on every key of the endpoint, and outlives none of them.
#[derive(Clone)]
pub struct Circuit(Arc<Upstream>);

/// The state of a circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CircuitStatus {
    /// Whether attempts to reach the endpoint are admitted.
    pub state: BreakerState,
    /// Failures in a row to reach the endpoint, each of an event of its own.
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

impl SessionPool {
    /// The circuit of an endpoint: to look at, and to open and close by hand.
    ///
    /// For an endpoint with a detected transport ([`Endpoint::auto`]) it is the circuit of the
    /// detection; its sessions have that of the endpoint with the detected transport.
    #[must_use]
    pub fn circuit(&self, endpoint: &Endpoint) -> Circuit {
        Circuit(self.acquirer.upstreams.of(endpoint))
    }
}

impl Circuit {
    /// The state of the circuit now.
    #[must_use]
    pub fn status(&self) -> CircuitStatus {
        let circuit = self.0.circuit(Instant::now());
        CircuitStatus {
            state: circuit.state,
            failures: circuit.failures,
            evidence: circuit.evidence,
            outage: circuit.open_since,
            next_probe: circuit.next_probe,
            forced: circuit.is_forced,
        }
    }

    /// Opens the circuit until [`close`](Self::close) or [`half_open`](Self::half_open): new sessions
    /// are refused at once, and nothing probes the endpoint. Calls on open sessions go on.
    pub fn open(&self) {
        self.0.force_open();
    }

    /// Opens the circuit until the endpoint answers: it is probed at once.
    pub fn half_open(&self) {
        self.0.half_open();
    }

    /// Closes the circuit, and forgets every failure.
    pub fn close(&self) {
        self.0.close_circuit();
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("endpoint", &self.0.endpoint)
            .field("status", &self.status())
            .finish()
    }
}
