//! What can be read off a circuit.

use std::time::Duration;

use tokio::time::Instant;

use super::{circuit::Circuit, outage::Phase};
use crate::types::BreakerState;

/// What can be read off a circuit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CircuitReading {
    pub(crate) state: BreakerState,
    pub(crate) failures: u32,
    pub(crate) evidence: Option<&'static str>,
    /// How long the outage has lasted.
    pub(crate) open_since: Option<Duration>,
    /// The time until the next probe.
    pub(crate) next_probe: Option<Duration>,
    pub(crate) is_forced: bool,
}

impl Circuit {
    /// True until the pool's probe has decided whether the circuit opens.
    pub(in crate::upstream) fn is_doubted(&self) -> bool {
        self.phase == Phase::Doubted
    }

    pub(in crate::upstream) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed | Phase::Doubted => BreakerState::Closed,
            Phase::Open(_) => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// True where an answer of the endpoint would change nothing, and every attempt is admitted.
    pub(in crate::upstream) fn is_calm(&self) -> bool {
        self.phase == Phase::Closed && self.failures == 0 && self.ramp.is_none()
    }

    pub(in crate::upstream) fn read(&self, now: Instant) -> CircuitReading {
        let outage = match self.phase {
            Phase::Closed | Phase::Doubted => None,
            Phase::Open(outage) | Phase::HalfOpen { outage, .. } => Some(outage),
        };
        let next = outage.filter(|_| !self.is_forced).map(|outage| {
            let callers = outage.callers_from.filter(|_| !self.has_probe);
            callers.unwrap_or(outage.next_probe)
        });
        CircuitReading {
            state: self.state(),
            failures: self.failures,
            evidence: self.evidence,
            open_since: outage.map(|outage| now.saturating_duration_since(outage.since)),
            next_probe: next.map(|next| next.saturating_duration_since(now)),
            is_forced: self.is_forced,
        }
    }
}
