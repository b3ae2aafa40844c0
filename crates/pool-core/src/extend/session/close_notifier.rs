//! How a transport reports the end of a session.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use super::{metadata::SessionMetadata, server_stream::ServerStreamState, shared::Shared};

/// Reports the end of a session the moment its transport learns of it, so that the session leaves
/// the pool at once. Cheap to clone; a notification before the pool has the session is kept.
#[derive(Clone, Default)]
pub struct CloseNotifier(Arc<Shared>);

impl CloseNotifier {
    /// Reports the session's end. Only the first call has an effect.
    pub fn notify(&self) {
        if self.0.has_ended.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(listener) = self.0.end_listener.get() {
            listener();
        }
    }

    /// Whether it was notified.
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.0.has_ended.load(Ordering::Acquire)
    }

    /// The state of the session's stream for messages that belong to no call, which begins as absent. It
    /// is one block of memory with the notifier.
    #[must_use]
    pub fn server_stream(&self) -> ServerStreamState {
        ServerStreamState::of(&self.0)
    }

    /// The values that users attach to the session.
    pub(super) fn metadata(&self) -> SessionMetadata {
        SessionMetadata::of(&self.0)
    }

    /// Sets the listener. It runs at once after an earlier notification; in a race it runs twice.
    pub(crate) fn listen(&self, listener: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.end_listener.set(Box::new(listener));
        if self.0.has_ended.load(Ordering::SeqCst)
            && let Some(listener) = self.0.end_listener.get()
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
