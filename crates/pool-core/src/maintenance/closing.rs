//! Closing sessions with their farewell.

use std::sync::Arc;

use super::farewell::say_farewell;
use crate::{
    context::Context,
    extend::{CloseOutcome, CloseReason, Closed},
    key::PooledSession,
    trace,
};

/// Closes sessions that have left their keys, a bounded number of each endpoint at the same time: a
/// server that hangs holds up no other one's.
pub(crate) struct Closing {
    context: Arc<Context>,
}

impl Closing {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Closes a session on a task of its own.
    pub(crate) fn start(&self, pooled: Arc<PooledSession>, reason: CloseReason) {
        let context = Arc::clone(&self.context);
        let close = async move {
            let span = trace::close(&context.config.name, &pooled.key, pooled.session.info());
            let outcome = say_farewell(&context, &pooled, reason).await;
            trace::note_closed(&span, reason, outcome);
            report(&context, &pooled, reason, outcome);
        };
        self.context.tasks.spawn(close);
    }
}

fn report(context: &Context, pooled: &PooledSession, reason: CloseReason, outcome: CloseOutcome) {
    context.counters.note_closed(reason);
    tracing::debug!(
        key = ?pooled.key,
        session = pooled.id,
        reason = reason.as_str(),
        outcome = outcome.as_str(),
        "session closed"
    );
    context.events.emit(|observer, pool| {
        observer.closed(&Closed {
            pool,
            key: &pooled.key,
            session: pooled.session.info(),
            reason,
            outcome,
            age: pooled.opened_at.elapsed(),
            uses: pooled.uses(),
        });
    });
}
