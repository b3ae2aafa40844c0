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
    /// True from a request to reclaim until the maintenance task begins to reclaim.
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

    /// True while a caller waits for a permit. Lost-wake-up protocol: a releaser marks its session
    /// or key unused, then reads this flag; the reclaimer starts after the waiter is queued and
    /// scans keys under their locks. At least one of the two sees the other.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.sessions.is_wanted() || self.keys.is_wanted()
    }

    /// Requests a reclaim. `false` while an earlier request is pending.
    pub(crate) fn request_reclaim(&self) -> bool {
        !self.reclaim_requested.swap(true, Ordering::AcqRel)
    }

    /// Begins a reclaim: it sees every change before a request that found it pending, and a change
    /// from now on requests another one.
    pub(crate) fn begin_reclaim(&self) {
        // A swap, so that it is ordered after those of all who found it reclaim_requested.
        self.reclaim_requested.swap(false, Ordering::AcqRel);
    }

    /// Closes both semaphores. Returns how many callers waited for a key.
    pub(crate) fn close(&self) -> usize {
        // Connects wait for sessions; their callers wait in the queues of their keys.
        self.sessions.close();
        self.keys.close()
    }
}
