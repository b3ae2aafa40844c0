//! Closing sessions with their farewell.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{
    context::Context,
    extend::{CloseOutcome, CloseReason, Closed},
    key::PooledSession,
    trace,
};

/// Closes sessions that have left their keys, a bounded number at the same time.
pub(crate) struct Closing {
    context: Arc<Context>,
    permits: Arc<Semaphore>,
}

impl Closing {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT)),
        }
    }

    /// Closes a session on a task of its own.
    pub(crate) fn start(&self, pooled: Arc<PooledSession>, reason: CloseReason) {
        let (context, permits) = (Arc::clone(&self.context), Arc::clone(&self.permits));
        let close = async move {
            let _permit = permits.acquire().await;
            let driver = pooled.session.driver();
            let span = trace::close(&context.config.name, &pooled.key, pooled.session.info());
            let outcome = driver.close(context.close_timeout()).await;
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

/// Enough to close thousands of sessions in a second, few enough not to flood a server.
const MAX_CONCURRENT: usize = 64;
