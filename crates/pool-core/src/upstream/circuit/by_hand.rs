//! A circuit that is opened and closed by hand.

use tokio::time::Instant;

use super::{
    circuit::Circuit,
    outage::{Outage, Phase},
};

impl Circuit {
    /// Opens the circuit until it is closed by hand.
    pub(in crate::upstream) fn force_open(&mut self, now: Instant) {
        self.is_forced = true;
        self.phase = Phase::Open(self.outage(now, 0.0));
    }

    /// Probes the endpoint of a circuit that is not closed at the next opportunity.
    pub(in crate::upstream) fn half_open(&mut self, now: Instant) {
        self.is_forced = false;
        let since = match self.phase {
            Phase::Open(outage) | Phase::HalfOpen { outage, .. } => outage.since,
            Phase::Closed | Phase::Doubted => now,
        };
        self.phase = Phase::Open(Outage {
            since,
            next_probe: now,
            callers_from: Some(now),
        });
    }

    /// Closes the circuit, and forgets every failure.
    pub(in crate::upstream) fn close(&mut self) {
        self.is_forced = false;
        self.phase = Phase::Closed;
        self.failures = 0;
        self.evidence = None;
        self.ramp = None;
    }
}
