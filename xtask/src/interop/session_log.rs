//! The sessions that passed the proxy.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The sessions and requests that passed the proxy.
#[derive(Default)]
pub(super) struct SessionLog(Mutex<Records>);

#[derive(Default)]
struct Records {
    sessions: BTreeMap<String, Session>,
    /// The number of successful requests, by JSON-RPC method or HTTP method.
    answered: BTreeMap<String, usize>,
    /// The number of open event streams outside of calls.
    streams: usize,
    redirects: usize,
    /// The number of responses that are no redirects.
    others: usize,
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
    /// It ended with its server.
    Lost,
}

/// The counts of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) closed: usize,
    pub(super) lost: usize,
    pub(super) open: usize,
    pub(super) streams: usize,
    /// The number of calls of each session that had calls.
    pub(super) calls: Vec<usize>,
}

impl SessionLog {
    pub(super) fn note_opened(&self, session: &str) {
        let mut records = self.lock();
        records.sessions.entry(session.to_owned()).or_default();
    }

    /// Counts a response, whether or not it is successful.
    pub(super) fn note_response(&self, is_redirect: bool) {
        let mut records = self.lock();
        match is_redirect {
            true => records.redirects += 1,
            false => records.others += 1,
        }
    }

    /// Counts a successful request.
    pub(super) fn note_answered(&self, method: &str, session: Option<&str>) {
        let mut records = self.lock();
        *records.answered.entry(method.to_owned()).or_default() += 1;
        let session = session.and_then(|session| records.sessions.get_mut(session));
        if let Some(session) = session {
            session.calls += usize::from(method == "tools/call");
        }
    }

    pub(super) fn note_ended(&self, session: &str, end: End) {
        if let Some(session) = self.lock().sessions.get_mut(session) {
            session.end.get_or_insert(end);
        }
    }

    /// Marks every open session as lost with its server.
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

    /// The number of redirects, and of responses that are none.
    pub(super) fn redirects(&self) -> (usize, usize) {
        let records = self.lock();
        (records.redirects, records.others)
    }

    /// The number of successful requests of a method.
    pub(super) fn answered(&self, method: &str) -> usize {
        self.lock().answered.get(method).copied().unwrap_or(0)
    }

    pub(super) fn figures(&self) -> Figures {
        let records = self.lock();
        let sessions = records.sessions.values();
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
            streams: records.streams,
            calls: calls.filter(|calls| *calls > 0).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_once_and_only_successful_calls_count() {
        let log = SessionLog::default();
        for session in ["a", "b", "c"] {
            log.note_opened(session);
            log.note_answered("tools/call", Some(session));
        }
        log.note_answered("tools/list", Some("a"));
        log.note_ended("a", End::Closed);
        log.note_killed();
        log.note_opened("d");
        log.note_answered("tools/call", Some("unknown"));
        let figures = log.figures();
        assert_eq!((figures.closed, figures.lost, figures.open), (1, 2, 1));
        assert_eq!(figures.calls, [1, 1, 1]);
        assert_eq!(log.answered("tools/call"), 4);
    }
    #[test]
    fn redirects_are_counted_beside_the_other_responses() {
        let log = SessionLog::default();
        for is_redirect in [true, false, true, false, false] {
            log.note_response(is_redirect);
        }
        assert_eq!(log.redirects(), (2, 3));
    }
}
