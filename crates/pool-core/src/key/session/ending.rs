//! How the end of a session is counted and reported.

use std::sync::Arc;

use super::pooled_session::PooledSession;
use crate::{
    context::Context,
    extend::{CloseOutcome, CloseReason, Closed},
};

/// The guard of a session whose closing has begun. Dropped, it counts and reports the end of the session:
/// also where the runtime ends before the farewell is sent, or meanwhile.
pub(crate) struct Ending {
    pub(crate) session: Arc<PooledSession>,
    pub(crate) reason: CloseReason,
    context: Arc<Context>,
    outcome: CloseOutcome,
}

impl Ending {
    pub(crate) fn new(
        context: &Arc<Context>,
        session: Arc<PooledSession>,
        reason: CloseReason,
    ) -> Self {
        Self {
            session,
            reason,
            context: Arc::clone(context),
            outcome: CloseOutcome::Failed,
        }
    }

    /// Ends the session with the outcome of its farewell.
    pub(crate) fn end(mut self, outcome: CloseOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (context, session) = (&self.context, &self.session);
        let (reason, outcome) = (self.reason, self.outcome);
        context.counters.note_closed(reason, outcome);
        tracing::debug!(
            key = ?session.key,
            session = session.id,
            reason = reason.as_str(),
            outcome = outcome.as_str(),
            "session closed"
        );
        context.events.emit(|observer, pool| {
            observer.closed(&Closed {
                pool,
                key: &session.key,
                session: session.session.info(),
                reason,
                outcome,
                age: session.opened_at().elapsed(),
                uses: session.uses(),
            });
        });
    }
}
