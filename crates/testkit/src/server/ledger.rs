//! What a server saw.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http::HeaderMap;

/// One request as the server saw it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// The JSON-RPC method; for requests without one `GET`, `DELETE` or `response`.
    pub method: String,
    /// The session id it named.
    pub session: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// The JSON-RPC message in it; null for requests without one.
    pub message: serde_json::Value,
}

/// What a server saw.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    seen: Vec<Seen>,
    open: BTreeSet<String>,
    opened: usize,
    closed: usize,
}

impl Ledger {
    pub(crate) fn note(&self, seen: Seen) {
        self.lock().seen.push(seen);
    }

    pub(crate) fn note_opened(&self, session: String) {
        let mut pages = self.lock();
        pages.opened += 1;
        pages.open.insert(session);
    }

    pub(crate) fn note_closed(&self, session: &str) {
        let mut pages = self.lock();
        if pages.open.remove(session) {
            pages.closed += 1;
        }
    }

    pub(crate) fn forget_sessions(&self) {
        self.lock().open.clear();
    }

    pub(crate) fn knows(&self, session: &str) -> bool {
        self.lock().open.contains(session)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    pub(crate) fn open_sessions(&self) -> Vec<String> {
        self.lock().open.iter().cloned().collect()
    }

    pub(crate) fn opened(&self) -> usize {
        self.lock().opened
    }

    pub(crate) fn closed(&self) -> usize {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
