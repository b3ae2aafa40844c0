//! The places of a key under quotas.

use std::sync::OnceLock;

use crate::limits::{Quota, Seats};

/// The places of a key under quotas. Dropped, it takes the key out of the lists of its quotas.
pub(crate) struct KeyQuotas {
    /// The number of the key's fingerprint.
    key: u64,
    sessions: OnceLock<Seats>,
    calls: OnceLock<Seats>,
}

impl KeyQuotas {
    pub(crate) fn new(key: u64) -> Self {
        Self {
            key,
            sessions: OnceLock::new(),
            calls: OnceLock::new(),
        }
    }

    /// The places under the quotas of sessions.
    pub(crate) fn sessions(&self) -> Option<&Seats> {
        self.sessions.get()
    }

    /// The places under the quotas of calls.
    pub(crate) fn calls(&self) -> Option<&Seats> {
        self.calls.get()
    }

    /// Sets the places under the quotas of sessions, unless there are some.
    pub(crate) fn set_sessions(&self, seats: Seats) {
        self.sessions.get_or_init(|| {
            // Before a session of the key may be idle, so that a quota finds it.
            seats.iter().for_each(|seat| seat.quota.add_key(self.key));
            seats
        });
    }

    /// Sets the places under the quotas of calls, unless there are some.
    pub(crate) fn set_calls(&self, seats: Seats) {
        self.calls.get_or_init(|| seats);
    }

    /// A quota of sessions of which a permit is wanted back.
    pub(crate) fn in_want(&self) -> Option<&Quota> {
        let mut seats = self.sessions()?.iter();
        let seat = seats.find(|seat| seat.quota.is_wanted());
        seat.map(|seat| seat.quota.as_ref())
    }
}

impl Drop for KeyQuotas {
    fn drop(&mut self) {
        for seat in self
            .sessions
            .get()
            .into_iter()
            .flat_map(|seats| seats.iter())
        {
            seat.quota.remove_key(self.key);
        }
    }
}
