//! The stream of a session on which its server sends messages that belong to no call.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
};

use tokio::sync::futures::Notified;

use super::{shared::Shared, stream_state::ServerStream};

/// The state of a session's stream as it changes. All clones are one.
///
/// ```
/// use mcp_pool_core::extend::{ServerStream, ServerStreamState};
/// let state = ServerStreamState::new(ServerStream::Pending);
/// state.clone().set(ServerStream::Open);
/// assert_eq!(state.get(), ServerStream::Open);
/// ```
#[derive(Clone)]
pub struct ServerStreamState(Arc<Shared>);

impl ServerStreamState {
    /// A state that begins so.
    #[must_use]
    pub fn new(state: ServerStream) -> Self {
        let new = Self(Arc::default());
        new.set(state);
        new
    }

    /// The state of the session that shares this. It begins as [`ServerStream::Absent`].
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// The state now.
    #[must_use]
    pub fn get(&self) -> ServerStream {
        ServerStream::of(self.0.stream.load(Ordering::Acquire))
    }

    /// Changes the state. For connectors.
    pub fn set(&self, state: ServerStream) {
        let before = ServerStream::of(self.0.stream.swap(state as u8, Ordering::AcqRel));
        // Either those who begin to wait meanwhile are found here, or they find the new state.
        fence(Ordering::SeqCst);
        let Some(rare) = self.0.known_rare().filter(|_| before != state) else {
            return;
        };
        if state == ServerStream::Open {
            rare.stream_opened.notify_waiters();
        }
        if let Some(listener) = rare.stream_listener.get() {
            listener(before, state);
        }
    }

    /// Waits until the stream opens, from the first poll on.
    pub(crate) fn opened(&self) -> Notified<'_> {
        let opened = self.0.rare().stream_opened.notified();
        fence(Ordering::SeqCst);
        opened
    }

    /// Sets the listener, which gets every later change. Only the first call has an effect.
    pub(crate) fn listen(
        &self,
        listener: impl Fn(ServerStream, ServerStream) + Send + Sync + 'static,
    ) {
        let _ = self.0.rare().stream_listener.set(Box::new(listener));
        fence(Ordering::SeqCst);
    }
}

impl Default for ServerStreamState {
    fn default() -> Self {
        Self::new(ServerStream::Absent)
    }
}

impl fmt::Debug for ServerStreamState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerStreamState")
            .field(&self.get())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_listener_gets_each_change_once() {
        let state = ServerStreamState::new(ServerStream::Pending);
        let changes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&changes);
        state.listen(move |before, after| seen.lock().unwrap().push((before, after)));
        for next in [
            ServerStream::Pending,
            ServerStream::Open,
            ServerStream::Open,
            ServerStream::Absent,
        ] {
            state.set(next);
            assert_eq!(state.get(), next);
        }
        let expected = [
            (ServerStream::Pending, ServerStream::Open),
            (ServerStream::Open, ServerStream::Absent),
        ];
        assert_eq!(*changes.lock().unwrap(), expected);
    }
}
