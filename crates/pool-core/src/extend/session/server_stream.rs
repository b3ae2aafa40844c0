//! The stream of a session on which its server sends messages that belong to no call.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::sync::{Notify, futures::Notified};

/// Whether a session has a stream for the messages of its server that belong to no call.
///
/// Messages that belong to a call come on the stream of the call, whatever this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ServerStream {
    /// There is none: the session wants none, the protocol has none, or the server refuses it.
    Absent,
    /// It is open.
    Open,
    /// It is requested, or broke off and will be opened again.
    Pending,
}

impl ServerStream {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Open => "open",
            Self::Pending => "pending",
        }
    }

    fn of(number: u8) -> Self {
        [Self::Open, Self::Pending]
            .into_iter()
            .find(|state| *state as u8 == number)
            .unwrap_or(Self::Absent)
    }
}

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

struct Shared {
    state: AtomicU8,
    /// Made for the first that watches, which most sessions without a stream never have.
    watch: OnceLock<Box<Watch>>,
}

#[derive(Default)]
struct Watch {
    listener: OnceLock<Listener>,
    /// Notified when the stream opens.
    opened: Notify,
}

/// Gets the state before and the state after a change.
type Listener = Box<dyn Fn(ServerStream, ServerStream) + Send + Sync>;

impl ServerStreamState {
    /// A state that begins so.
    #[must_use]
    pub fn new(state: ServerStream) -> Self {
        Self(Arc::new(Shared {
            state: AtomicU8::new(state as u8),
            watch: OnceLock::new(),
        }))
    }

    /// The state now.
    #[must_use]
    pub fn get(&self) -> ServerStream {
        ServerStream::of(self.0.state.load(Ordering::Acquire))
    }

    /// Changes the state. For connectors.
    pub fn set(&self, state: ServerStream) {
        let before = ServerStream::of(self.0.state.swap(state as u8, Ordering::AcqRel));
        let watch = self.0.watch.get().filter(|_| before != state);
        let Some(watch) = watch else {
            return;
        };
        if state == ServerStream::Open {
            watch.opened.notify_waiters();
        }
        if let Some(listener) = watch.listener.get() {
            listener(before, state);
        }
    }

    /// Waits until the stream opens, from the first poll on.
    pub(crate) fn opened(&self) -> Notified<'_> {
        self.watch().opened.notified()
    }

    /// Sets the listener, which gets every later change. Only the first call has an effect.
    pub(crate) fn listen(
        &self,
        listener: impl Fn(ServerStream, ServerStream) + Send + Sync + 'static,
    ) {
        let _ = self.watch().listener.set(Box::new(listener));
    }

    fn watch(&self) -> &Watch {
        self.0.watch.get_or_init(Box::default)
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
