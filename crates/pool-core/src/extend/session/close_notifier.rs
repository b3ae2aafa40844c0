//! How a transport reports the end of a session.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Reports the end of a session the moment its transport learns of it, so that the session leaves
/// the pool at once. Cheap to clone; a notification before the pool has the session is kept.
#[derive(Clone, Default)]
pub struct CloseNotifier(Arc<CloseSignal>);

#[derive(Default)]
struct CloseSignal {
    notified: AtomicBool,
    listener: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl CloseNotifier {
    /// Reports the session's end. Only the first call has an effect.
    pub fn notify(&self) {
        if self.0.notified.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(listener) = self.0.listener.get() {
            listener();
        }
    }

    /// Whether it was notified.
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.0.notified.load(Ordering::Acquire)
    }

    /// Sets the listener. It runs at once after an earlier notification; in a race it runs twice.
    pub(crate) fn listen(&self, listener: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.listener.set(Box::new(listener));
        if self.0.notified.load(Ordering::SeqCst)
            && let Some(listener) = self.0.listener.get()
        {
            listener();
        }
    }
}

impl fmt::Debug for CloseNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloseNotifier")
            .field(&self.is_notified())
            .finish()
    }
}
