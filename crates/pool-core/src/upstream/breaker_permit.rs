//! The permit for one attempt to reach a server.

use std::{sync::Arc, time::Duration};

use super::{
    breaker::Attempt,
    upstream::{AttemptOutcome, Upstream},
};
use crate::error::{ConnectError, FaultKind};

/// The permit for one attempt to reach a server. Dropped before its outcome is known, it counts
/// neither for nor against the endpoint.
pub(crate) struct BreakerPermit {
    attempt: Option<Attempt>,
    upstream: Arc<Upstream>,
}

impl BreakerPermit {
    /// Acquires a permit from the circuit breaker of an upstream.
    ///
    /// # Errors
    /// How long to wait, when the circuit is open.
    pub(crate) fn acquire(upstream: &Arc<Upstream>) -> Result<Self, Duration> {
        Ok(Self {
            attempt: Some(upstream.admit()?),
            upstream: Arc::clone(upstream),
        })
    }

    pub(crate) fn succeeded(mut self) {
        self.settle(AttemptOutcome::Answered);
    }

    pub(crate) fn failed(mut self, error: &ConnectError) {
        self.settle(outcome_of(error.kind()));
    }

    fn settle(&mut self, outcome: AttemptOutcome) {
        if let Some(attempt) = self.attempt.take() {
            self.upstream.settle(attempt, outcome);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        self.settle(AttemptOutcome::Unknown);
    }
}

fn outcome_of(kind: &FaultKind) -> AttemptOutcome {
    if kind.counts_against_endpoint() {
        AttemptOutcome::Absent
    } else if kind.is_from_endpoint() {
        // The server refused, so it is there.
        AttemptOutcome::Answered
    } else {
        AttemptOutcome::Unknown
    }
}
