//! The spans of a waiting caller.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::{Span, field::Empty, info_span};

use super::record::note_error;

/// The spans of a waiting caller. They end with the waiting: a connect that outlives the waiter
/// keeps none of them open.
#[derive(Default)]
pub(crate) struct WaitTrace(Mutex<Option<Waiting>>);

struct Waiting {
    wait: Span,
    /// The connect that was begun for this waiter's sake.
    connect: Option<Span>,
}

impl WaitTrace {
    /// The waiting begins.
    pub(crate) fn begin(&self, wait: &Span) {
        if !wait.is_disabled() {
            let wait = wait.clone();
            *self.lock() = Some(Waiting {
                wait,
                connect: None,
            });
        }
    }

    /// A session is being opened for this waiter's sake; `open` is the opening's own span.
    pub(crate) fn connect_begins(&self, open: &Span) {
        if let Some(waiting) = self.lock().as_mut() {
            let connect = info_span!(
                parent: &waiting.wait,
                "connect",
                otel.status_code = Empty,
                "error.type" = Empty,
            );
            open.follows_from(&connect);
            waiting.connect = Some(connect);
        }
    }

    /// That session could not be opened.
    pub(crate) fn connect_failed(&self, kind: &str) {
        if let Some(waiting) = self.lock().as_mut()
            && let Some(connect) = waiting.connect.take()
        {
            note_error(&connect, kind);
        }
    }

    /// The waiting is over.
    pub(crate) fn end(&self) {
        let over = self.lock().take();
        // Spans are closed outside of the lock.
        drop(over);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
