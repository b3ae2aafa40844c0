//! The sessions of a scripted server, and the texts on their way to the clients.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::body::Bytes;
use tokio::sync::mpsc;

/// What a script sends.
#[derive(Debug)]
pub(super) enum Part {
    /// A whole response: the content type and the body.
    Body(Option<String>, Bytes),
    /// Bytes of an event stream.
    Bytes(Bytes),
}

pub(super) type Parts = mpsc::Sender<Part>;

/// The streams that are open for the messages of the server, by session id.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    streams: Mutex<BTreeMap<String, Parts>>,
    opened: AtomicUsize,
}

impl Sessions {
    /// A new session id.
    pub(super) fn open(&self) -> String {
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        format!("session-{number}")
    }

    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// The stream of this session from now on.
    pub(super) fn attach(&self, session: String) -> mpsc::Receiver<Part> {
        let (sender, parts) = mpsc::channel(BUFFERED);
        self.lock().insert(session, sender);
        parts
    }

    pub(super) fn stream(&self, session: &str) -> Option<Parts> {
        self.lock().get(session).cloned()
    }

    /// Every stream that a client reads.
    pub(super) fn streams(&self) -> Vec<Parts> {
        let mut streams = self.lock();
        streams.retain(|_, stream| !stream.is_closed());
        streams.values().cloned().collect()
    }

    /// Ends every stream.
    pub(super) fn end_all(&self) {
        self.lock().clear();
    }

    pub(super) fn end(&self, session: &str) {
        self.lock().remove(session);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Parts>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Few, so that a script feels a client that does not read.
pub(super) const BUFFERED: usize = 16;
