//! A session that this replica holds in the directory.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    holding::Holding,
    sealed::SealedSession,
    tenure::{Tenure, Term},
};

/// A holding, and the term in which it was claimed.
#[derive(Clone, Copy)]
pub(crate) struct Claimed {
    pub(crate) holding: Holding,
    pub(crate) term: Term,
}

/// A session that this replica holds in the directory.
pub(crate) struct Held {
    pub(crate) holding: Holding,
    pub(crate) sealed: SealedSession,
    /// When its record ends.
    pub(crate) ends_at: Instant,
    tenure: Arc<Tenure>,
    term: Term,
    /// True once the store has refused the fence.
    is_lost: AtomicBool,
    /// True once the store has confirmed the record.
    is_recorded: AtomicBool,
    /// True once the session is closed here.
    has_ended: AtomicBool,
}

impl Held {
    pub(crate) fn new(
        claimed: Claimed,
        sealed: SealedSession,
        ends_at: Instant,
        tenure: Arc<Tenure>,
    ) -> Self {
        Self {
            holding: claimed.holding,
            sealed,
            ends_at,
            tenure,
            term: claimed.term,
            is_lost: AtomicBool::new(false),
            is_recorded: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
        }
    }

    /// True once the session may be another replica's: nothing more is sent on it.
    pub(crate) fn is_void(&self) -> bool {
        self.is_lost.load(Ordering::Acquire) || !self.tenure.holds(self.term, self.holding.sharing)
    }

    /// Notes that the store has refused the fence.
    pub(crate) fn note_lost(&self) {
        self.is_lost.store(true, Ordering::Release);
    }

    /// True once the store has confirmed the record, which other replicas find then.
    pub(crate) fn is_recorded(&self) -> bool {
        self.is_recorded.load(Ordering::Acquire)
    }

    /// Notes that the store has the record.
    pub(crate) fn note_recorded(&self) {
        self.is_recorded.store(true, Ordering::Release);
    }

    /// True once the session is closed here: nothing of it is recorded any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Notes that the session is closed here.
    pub(crate) fn note_ended(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    /// How long the record has to last.
    pub(crate) fn ttl(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("holding", &self.holding)
            .finish_non_exhaustive()
    }
}
