//! Closing sessions with their farewell.

use std::sync::Arc;

use super::farewell::say_farewell;
use crate::{context::Context, key::Ending, trace};

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
    pub(crate) fn start(&self, ending: Ending) {
        let context = Arc::clone(&self.context);
        let close = async move {
            let (pooled, reason) = (&ending.session, ending.reason);
            let span = trace::close(&context.config.name, &pooled.key, pooled.session.info());
            let outcome = say_farewell(&context, pooled, reason).await;
            trace::note_closed(&span, reason, outcome);
            ending.end(outcome);
        };
        self.context.spawn(close);
    }
}
