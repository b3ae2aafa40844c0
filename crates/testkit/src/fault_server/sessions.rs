//! The sessions of a fault server over Streamable HTTP, and the calls' streams over HTTP+SSE.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
};

/// The known sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<String, Known>);

/// A known session.
#[derive(Debug)]
struct Known {
    arrival: Arrival,
    /// The owner of the first call that named one.
    owner: Option<String>,
    /// The calls of the tool `increment`.
    count: u64,
}

/// Whether the id of a session reached its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// It may not have: the session is not the client's to close.
    Doubtful,
    /// It is on its way, or was when the connection was last seen.
    Sent,
    /// The client has used it.
    Certain,
}

impl Sessions {
    /// Opens a session, whose id is sent or may be lost.
    pub(super) fn open(&mut self, is_sent: bool) -> String {
        let id = format!("{:016x}", RandomState::new().build_hasher().finish());
        let arrival = match is_sent {
            true => Arrival::Sent,
            false => Arrival::Doubtful,
        };
        let known = Known {
            arrival,
            owner: None,
            count: 0,
        };
        self.0.insert(id.clone(), known);
        id
    }

    /// Whether the session that a request names is known. Its client knows it from now on.
    pub(super) fn knows(&mut self, id: &str) -> bool {
        let known = self.0.get_mut(id);
        known
            .map(|known| known.arrival = Arrival::Certain)
            .is_some()
    }

    /// Whether a session serves a call of this owner, and served another owner before.
    pub(super) fn is_crossed(&mut self, id: &str, owner: &str) -> bool {
        let Some(known) = self.0.get_mut(id) else {
            return false;
        };
        known.owner.get_or_insert_with(|| owner.to_owned()) != owner
    }

    /// Adds one to the counter of a session, and returns it. Zero for a session that is unknown.
    pub(super) fn increment(&mut self, id: &str) -> u64 {
        self.0.get_mut(id).map_or(0, |known| {
            known.count += 1;
            known.count
        })
    }

    /// Doubts the ids that were on their way when all connections ended.
    pub(super) fn lose_sent(&mut self) {
        let known = self.0.values_mut();
        let sent = known.filter(|it| it.arrival == Arrival::Sent);
        sent.for_each(|known| known.arrival = Arrival::Doubtful);
    }

    pub(super) fn end(&mut self, id: &str) {
        self.0.remove(id);
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// The number of sessions that their clients know and have not closed.
    pub(super) fn open_count(&self) -> usize {
        let known = self.0.values();
        let known = known.filter(|it| it.arrival != Arrival::Doubtful);
        known.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_that_its_client_knows_is_open() {
        let mut sessions = Sessions::default();
        let (sent, lost) = (sessions.open(true), sessions.open(false));
        assert_eq!(sessions.open_count(), 1);
        sessions.lose_sent();
        assert_eq!(sessions.open_count(), 0);
        assert!(sessions.knows(&sent) && sessions.knows(&lost));
        sessions.lose_sent();
        assert_eq!(sessions.open_count(), 2);
        sessions.end(&sent);
        assert!(!sessions.knows(&sent));
        sessions.forget();
        assert_eq!(sessions.open_count(), 0);
    }

    #[test]
    fn each_session_has_a_counter_of_its_own() {
        let mut sessions = Sessions::default();
        let (one, other) = (sessions.open(true), sessions.open(true));
        assert_eq!([1, 2].map(|_| sessions.increment(&one)), [1, 2]);
        assert_eq!(sessions.increment(&other), 1);
        assert_eq!(sessions.increment("unknown"), 0);
    }

    #[test]
    fn a_session_that_serves_a_second_owner_is_crossed() {
        let mut sessions = Sessions::default();
        let (one, other) = (sessions.open(true), sessions.open(true));
        assert!(!sessions.is_crossed(&one, "alice"));
        assert!(!sessions.is_crossed(&one, "alice"));
        assert!(!sessions.is_crossed(&other, "bob"));
        assert!(sessions.is_crossed(&one, "bob"));
        assert!(!sessions.is_crossed("unknown", "bob"));
    }
}
