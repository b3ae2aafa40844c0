//! The log of a server's requests and sessions.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http::HeaderMap;

/// One request as the server received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// The JSON-RPC method; `GET`, `DELETE` or `response` for requests without one.
    pub method: String,
    /// The session id, from the header or the query.
    pub session: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON-RPC message; null for requests without one.
    pub message: serde_json::Value,
}

impl Seen {
    /// A request of this method, without a session, headers or a message. A server of your own sets the
    /// fields that its transport has.
    #[must_use]
    pub fn new(method: &str) -> Self {
        Self {
            method: method.to_owned(),
            session: None,
            headers: HeaderMap::new(),
            message: serde_json::Value::Null,
        }
    }
}

/// Every request, and the sessions that are open.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    seen: Vec<Seen>,
    open: BTreeSet<String>,
    opened: usize,
    closed: usize,
}

impl RequestLog {
    pub(crate) fn note(&self, seen: Seen) {
        self.lock().seen.push(seen);
    }

    pub(crate) fn note_opened(&self, session: String) {
        let mut entries = self.lock();
        entries.opened += 1;
        entries.open.insert(session);
    }

    pub(crate) fn note_closed(&self, session: &str) {
        let mut entries = self.lock();
        if entries.open.remove(session) {
            entries.closed += 1;
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

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
