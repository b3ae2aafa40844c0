//! The leases that callers hold, by session.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many leases of each session callers hold. All clones are one count.
#[derive(Clone, Default)]
pub(in super::super) struct Usage(Arc<Mutex<BTreeMap<u64, Uses>>>);

/// The uses of a session.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Uses {
    /// The leases that are held now.
    pub(in super::super) held: u32,
    /// The leases so far.
    pub(in super::super) ever: u32,
}

impl Usage {
    /// Counts one more lease. Returns the uses, this one included.
    pub(in super::super) fn begin(&self, session: u64) -> Uses {
        let mut sessions = self.lock();
        let uses = sessions.entry(session).or_default();
        uses.held += 1;
        uses.ever += 1;
        *uses
    }

    pub(in super::super) fn end(&self, session: u64) {
        if let Some(uses) = self.lock().get_mut(&session) {
            uses.held -= 1;
        }
    }

    /// The leases that are held now, of all sessions.
    pub(in super::super) fn held(&self) -> usize {
        let sessions = self.lock();
        sessions.values().map(|uses| uses.held as usize).sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Uses>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
