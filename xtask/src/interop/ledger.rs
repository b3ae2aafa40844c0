//! What the proxy saw of sessions.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What the proxy saw of sessions.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    sessions: BTreeMap<String, Session>,
    /// Requests that were answered well, by JSON-RPC method or HTTP method.
    answered: BTreeMap<String, usize>,
    /// Event streams that are open outside of any call.
    streams: usize,
}

#[derive(Default)]
struct Session {
    calls: usize,
    end: Option<End>,
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it.
    Closed,
    /// It was gone with its server.
    Lost,
}

/// The figures of a ledger.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) closed: usize,
    pub(super) lost: usize,
    pub(super) open: usize,
    pub(super) streams: usize,
    /// How many calls each session had that had any.
    pub(super) calls: Vec<usize>,
}

impl Ledger {
    pub(super) fn note_opened(&self, session: &str) {
        let mut pages = self.lock();
        pages.sessions.entry(session.to_owned()).or_default();
    }

    /// A request was answered well.
    pub(super) fn note_answered(&self, method: &str, session: Option<&str>) {
        let mut pages = self.lock();
        *pages.answered.entry(method.to_owned()).or_default() += 1;
        let session = session.and_then(|session| pages.sessions.get_mut(session));
        if let Some(session) = session {
            session.calls += usize::from(method == "tools/call");
        }
    }

    pub(super) fn note_ended(&self, session: &str, end: End) {
        if let Some(session) = self.lock().sessions.get_mut(session) {
            session.end.get_or_insert(end);
        }
    }

    /// The server was killed, and every session with it.
    pub(super) fn note_killed(&self) {
        for session in self.lock().sessions.values_mut() {
            session.end.get_or_insert(End::Lost);
        }
    }

    pub(super) fn note_stream_opened(&self) {
        self.lock().streams += 1;
    }

    pub(super) fn note_stream_ended(&self) {
        self.lock().streams -= 1;
    }

    /// How many requests of a method were answered well.
    pub(super) fn answered(&self, method: &str) -> usize {
        self.lock().answered.get(method).copied().unwrap_or(0)
    }

    pub(super) fn figures(&self) -> Figures {
        let pages = self.lock();
        let sessions = pages.sessions.values();
        let ended = |end| {
            sessions
                .clone()
                .filter(|session| session.end == end)
                .count()
        };
        let calls = sessions.clone().map(|session| session.calls);
        Figures {
            closed: ended(Some(End::Closed)),
            lost: ended(Some(End::Lost)),
            open: ended(None),
            streams: pages.streams,
            calls: calls.filter(|calls| *calls > 0).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_once_and_only_calls_that_were_answered_count() {
        let ledger = Ledger::default();
        for session in ["a", "b", "c"] {
            ledger.note_opened(session);
            ledger.note_answered("tools/call", Some(session));
        }
        ledger.note_answered("tools/list", Some("a"));
        ledger.note_ended("a", End::Closed);
        ledger.note_killed();
        ledger.note_opened("d");
        ledger.note_answered("tools/call", Some("unheard of"));
        let figures = ledger.figures();
        assert_eq!((figures.closed, figures.lost, figures.open), (1, 2, 1));
        assert_eq!(figures.calls, [1, 1, 1]);
        assert_eq!(ledger.answered("tools/call"), 4);
    }
}
