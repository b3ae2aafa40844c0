//! Where events go.

use std::sync::Arc;

use crate::extend::Observer;

/// Passes events on to the observer of a pool, if it has one.
pub(crate) struct EventSink {
    pool: String,
    observer: Option<Arc<dyn Observer>>,
}

impl EventSink {
    pub(crate) fn new(pool: String, observer: Option<Arc<dyn Observer>>) -> Self {
        Self { pool, observer }
    }

    /// True where an observer listens.
    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// Calls `send` with the observer and the name of the pool. Without an observer it costs one
    /// comparison.
    #[inline]
    pub(crate) fn emit(&self, send: impl FnOnce(&dyn Observer, &str)) {
        if let Some(observer) = &self.observer {
            send(observer.as_ref(), &self.pool);
        }
    }
}
