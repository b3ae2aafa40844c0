//! The permit for one attempt to reach a server.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::{
    admission::{Admission, Refusal},
    circuit::AttemptKind,
    holds::Holder,
    upstream::Upstream,
};
use crate::error::{ConnectError, Evidence, FaultKind};

/// The permit for one attempt to reach a server. Dropped before its outcome is known, it counts
/// neither for nor against the endpoint.
pub(crate) struct BreakerPermit {
    upstream: Arc<Upstream>,
    holder: Holder,
    /// `None` once the attempt has ended.
    kind: Option<AttemptKind>,
    began: Instant,
    /// The endpoint's answers before the attempt.
    answers: u64,
}

/// Waits for a permit to reach a server, until `deadline` at most. `None` when the attempt is not
/// wanted any more.
///
/// # Errors
/// The circuit is open, or the server has requested a wait, for longer than callers wait.
///
/// # Cancel safety
/// Safe: nothing is reserved before the permit is returned.
pub(crate) async fn admitted(
    upstream: &Arc<Upstream>,
    holder: Holder,
    deadline: Instant,
    is_wanted: impl Fn() -> bool,
) -> Result<Option<BreakerPermit>, Refusal> {
    loop {
        // Before the decision, so that no change is missed.
        let changed = upstream.changed().notified();
        let until = match upstream.admit(&holder) {
            Admission::Admitted(kind) => {
                return Ok(Some(BreakerPermit::new(upstream, holder, kind)));
            }
            Admission::Refused(refusal) => return Err(refusal),
            Admission::Wait { until } => until,
        };
        if Instant::now() >= deadline {
            return Err(upstream.refusal(&holder));
        }
        let _ = timeout_at(until.min(deadline), changed).await;
        if !is_wanted() {
            return Ok(None);
        }
    }
}

/// A permit to reach a server, where it takes no wait.
pub(crate) fn admitted_now(upstream: &Arc<Upstream>, holder: Holder) -> Option<BreakerPermit> {
    match upstream.admit(&holder) {
        Admission::Admitted(kind) => Some(BreakerPermit::new(upstream, holder, kind)),
        Admission::Refused(_) | Admission::Wait { .. } => None,
    }
}

impl BreakerPermit {
    fn new(upstream: &Arc<Upstream>, holder: Holder, kind: AttemptKind) -> Self {
        Self {
            upstream: Arc::clone(upstream),
            holder,
            kind: Some(kind),
            began: Instant::now(),
            answers: upstream.answers(),
        }
    }

    /// Begins the attempt now, where it was admitted some time ago.
    pub(crate) fn begin(&mut self) {
        self.began = Instant::now();
        self.answers = self.upstream.answers();
    }

    /// Ends an attempt that the server answered.
    pub(crate) fn succeeded(mut self) {
        if let Some(kind) = self.kind.take() {
            self.upstream.attempt_answered(kind);
        }
    }

    /// Ends an attempt that failed.
    pub(crate) fn failed(self, error: &ConnectError) {
        self.ended(error.kind(), error.evidence());
    }

    /// Ends an attempt with a fault of this kind, which shows so much of the server.
    pub(crate) fn ended(mut self, fault: &FaultKind, evidence: Evidence) {
        let Some(kind) = self.kind.take() else {
            return;
        };
        let is_held = self.upstream.hold(&self.holder, fault);
        match evidence {
            Evidence::Absent if !is_held && !self.is_refuted(fault) => {
                self.upstream.attempt_failed(kind, self.began, fault);
            }
            Evidence::Here => self.upstream.attempt_answered(kind),
            _ => self.upstream.attempt_abandoned(kind),
        }
    }

    /// Whether the server answered others while the attempt ran out of time.
    fn is_refuted(&self, fault: &FaultKind) -> bool {
        *fault == FaultKind::Timeout && self.upstream.answers() != self.answers
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(kind) = self.kind.take() {
            self.upstream.attempt_abandoned(kind);
        }
    }
}
