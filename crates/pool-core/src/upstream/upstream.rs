//! What all keys of one endpoint share.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use tokio::time::Instant;

use super::breaker::{Attempt, Breaker, BreakerPolicy, BreakerReading, Transition};
use crate::types::{BreakerState, Endpoint, Era};

/// What all keys of one endpoint share: the circuit breaker, and what is known of its server.
pub(crate) struct Upstream {
    pub(crate) endpoint: Endpoint,
    breaker: Breaker,
    listener: Arc<dyn CircuitListener>,
    /// The era of the newest session.
    era: AtomicU8,
}

/// Receives the changes of circuits.
pub(crate) trait CircuitListener: Send + Sync {
    fn circuit_changed(&self, endpoint: &Endpoint, before: BreakerState, after: BreakerState);
}

impl Upstream {
    pub(crate) fn new(
        endpoint: Endpoint,
        policy: BreakerPolicy,
        listener: Arc<dyn CircuitListener>,
    ) -> Self {
        Self {
            endpoint,
            breaker: Breaker::new(policy, Instant::now()),
            listener,
            era: AtomicU8::new(UNKNOWN),
        }
    }

    /// The era of the newest session with the endpoint, if there was one.
    pub(crate) fn era(&self) -> Option<Era> {
        match self.era.load(Ordering::Relaxed) {
            LEGACY => Some(Era::Legacy),
            STATELESS => Some(Era::Stateless),
            _ => None,
        }
    }

    pub(crate) fn set_era(&self, era: Era) {
        let code = match era {
            Era::Legacy => LEGACY,
            Era::Stateless => STATELESS,
        };
        self.era.store(code, Ordering::Relaxed);
    }

    /// The circuit as it is at `now`.
    pub(crate) fn circuit(&self, now: Instant) -> BreakerReading {
        self.breaker.read(now)
    }

    /// A call on an open session was answered: the server is there.
    pub(crate) fn call_answered(&self) {
        let change = self.breaker.call_answered();
        self.report(change);
    }

    /// A call on an open session did not reach the server.
    pub(crate) fn call_unreachable(&self) {
        let change = self.breaker.failed(Attempt::CALL, Instant::now());
        self.report(change);
    }

    /// Admits an attempt to reach the server.
    ///
    /// # Errors
    /// How long to wait, when the circuit is open.
    pub(crate) fn admit(&self) -> Result<Attempt, std::time::Duration> {
        let (attempt, change) = self.breaker.admit(Instant::now())?;
        self.report(change);
        Ok(attempt)
    }

    /// Ends an admitted attempt.
    pub(crate) fn settle(&self, attempt: Attempt, outcome: AttemptOutcome) {
        let change = match outcome {
            AttemptOutcome::Answered => self.breaker.succeeded(attempt),
            AttemptOutcome::Absent => self.breaker.failed(attempt, Instant::now()),
            AttemptOutcome::Unknown => self.breaker.abandoned(attempt),
        };
        self.report(change);
    }

    fn report(&self, change: Transition) {
        if let Some((before, after)) = change {
            self.listener.circuit_changed(&self.endpoint, before, after);
        }
    }
}

/// What an attempt shows of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// The server does not work.
    Absent,
    /// The server answered.
    Answered,
    /// Nothing.
    Unknown,
}

const UNKNOWN: u8 = 0;
const LEGACY: u8 = 1;
const STATELESS: u8 = 2;
