//! The limits over all keys.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::fair_semaphore::FairSemaphore;

/// The limits over all keys.
pub(crate) struct Capacity {
    /// `max_total_sessions`.
    pub(crate) sessions: Arc<FairSemaphore>,
    /// `max_total_keys`.
    pub(crate) keys: Arc<FairSemaphore>,
    /// Whether the closer was reclaim_requested to make room and has not begun to.
    reclaim_requested: AtomicBool,
}

impl Capacity {
    /// 0 means no limit.
    pub(crate) fn new(max_sessions: usize, max_keys: usize) -> Self {
        Self {
            sessions: FairSemaphore::new(max_sessions),
            keys: FairSemaphore::new(max_keys),
            reclaim_requested: AtomicBool::new(false),
        }
    }

    /// Whether somebody lacks a place. Whoever lets a session or a key go unused asks afterwards;
    /// whoever makes room looks at them under their keys' locks, after somebody came to stand in
    /// line. One of the two sees the other.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.sessions.is_wanted() || self.keys.is_wanted()
    }

    /// Whether the closer is still to be reclaim_requested to make room. Says so once for as long as it has not
    /// begun.
    pub(crate) fn request_reclaim(&self) -> bool {
        !self.reclaim_requested.swap(true, Ordering::AcqRel)
    }

    /// The closer begins: it sees what happened before anybody who was reclaim_requested that it knows, and hears
    /// of what happens from here on.
    pub(crate) fn begin_reclaim(&self) {
        // A swap, so that it is ordered after those of all who found it reclaim_requested.
        self.reclaim_requested.swap(false, Ordering::AcqRel);
    }

    /// Sends away whoever stands in line, now and from now on. Returns how many callers that were.
    pub(crate) fn close(&self) -> usize {
        // In line for a session are connects, whose callers stand in the lines of their keys.
        self.sessions.close();
        self.keys.close()
    }
}
