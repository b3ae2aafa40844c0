//! What the circuit breaker makes of an attempt to reach an upstream.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Hub, Upstream};
use crate::{
    breaker::Attempt,
    error::{ConnectError, FaultKind},
};

/// An attempt that the breaker admitted and that has not been settled. Dropped unsettled, it leaves
/// no verdict.
pub(super) struct PendingAttempt {
    attempt: Option<Attempt>,
    hub: Arc<Hub>,
    upstream: Arc<Upstream>,
}

impl PendingAttempt {
    /// Asks the upstream's breaker for admission.
    ///
    /// # Errors
    /// How long to wait, when the circuit is open.
    pub(super) fn admit(hub: &Arc<Hub>, upstream: &Arc<Upstream>) -> Result<Self, Duration> {
        let (attempt, change) = upstream.breaker.admit(Instant::now())?;
        hub.note_breaker(&upstream.endpoint, change);
        Ok(Self {
            attempt: Some(attempt),
            hub: Arc::clone(hub),
            upstream: Arc::clone(upstream),
        })
    }

    pub(super) fn succeeded(mut self) {
        if let Some(attempt) = self.attempt.take() {
            let change = self.upstream.breaker.succeeded(attempt);
            self.hub.note_breaker(&self.upstream.endpoint, change);
        }
    }

    pub(super) fn failed(mut self, error: &ConnectError) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        let breaker = &self.upstream.breaker;
        let change = if error.kind().counts_against_endpoint() {
            breaker.failed(attempt, Instant::now())
        } else if matches!(error.kind(), FaultKind::Other) {
            breaker.abandoned(attempt)
        } else {
            // Refused, but answered: the endpoint is there.
            breaker.succeeded(attempt)
        };
        self.hub.note_breaker(&self.upstream.endpoint, change);
    }
}

impl Drop for PendingAttempt {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            let change = self.upstream.breaker.abandoned(attempt);
            self.hub.note_breaker(&self.upstream.endpoint, change);
        }
    }
}
