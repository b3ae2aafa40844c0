//! The spans of a waiting caller.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{Span, field::Empty, info_span};

use super::record::note_error;

/// The spans of a waiting caller. They end with the waiting: a connect that outlives the waiter
/// keeps none of them open.
pub(crate) struct WaitTrace(Mutex<Option<Waiting>>);

struct Waiting {
    wait: Span,
    /// The connect that was begun for this waiter's sake.
    connect: Option<Span>,
}

impl WaitTrace {
    /// The spans of a waiting that begins; `None` where nothing records them.
    pub(crate) fn of(wait: &Span) -> Option<Arc<Self>> {
        if wait.is_disabled() {
            return None;
        }
        let waiting = Waiting {
            wait: wait.clone(),
            connect: None,
        };
        Some(Arc::new(Self(Mutex::new(Some(waiting)))))
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
