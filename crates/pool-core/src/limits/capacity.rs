//! The limits over all keys.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{
    account::{Accounts, LimitKind},
    lobby::Lobby,
    shared_limit::{Grantee, SharedLimit},
};
use crate::{extend::SharePolicy, types::PoolLimits};

/// The limits over all keys: `S` seeks sessions, `K` seeks a key.
pub(crate) struct Capacity<S: Grantee, K: Grantee> {
    /// `max_total_sessions`.
    pub(crate) sessions: Arc<SharedLimit<S>>,
    /// `max_total_keys`.
    pub(crate) keys: Arc<SharedLimit<K>>,
    /// Those who wait.
    pub(crate) lobby: Lobby,
    /// Those who share both.
    pub(crate) accounts: Accounts,
    /// The limits in force.
    limits: Mutex<PoolLimits>,
    /// True from a request to reclaim until the maintenance task begins to reclaim.
    reclaim_requested: AtomicBool,
}

impl<S: Grantee, K: Grantee> Capacity<S, K> {
    pub(crate) fn new(limits: PoolLimits, policy: Arc<dyn SharePolicy>) -> Self {
        Self {
            sessions: SharedLimit::new(LimitKind::Sessions, limits.max_total_sessions),
            keys: SharedLimit::new(LimitKind::Keys, limits.max_total_keys),
            lobby: Lobby::default(),
            accounts: Accounts::new(policy),
            limits: Mutex::new(limits),
            reclaim_requested: AtomicBool::new(false),
        }
    }

    /// The limits in force. They do not change while the guard lives.
    pub(crate) fn limits(&self) -> MutexGuard<'_, PoolLimits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets other limits, and applies those over all keys. Returns the limits before.
    pub(crate) fn resize(&self, after: PoolLimits) -> PoolLimits {
        let mut limits = self.limits();
        let before = std::mem::replace(&mut *limits, after);
        self.sessions.resize(after.max_total_sessions);
        self.keys.resize(after.max_total_keys);
        before
    }

    /// True while a caller waits for a permit.
    pub(crate) fn has_waiters(&self) -> bool {
        self.sessions.has_waiters() || self.keys.has_waiters()
    }

    /// True while a permit is wanted, for one that waits or under a lowered limit. Lost-wake-up protocol: a
    /// releaser marks its session or key unused, then reads this flag; the reclaimer starts after the
    /// waiter is queued or the limit is set, and scans keys under their locks. At least one of the two sees the other.
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

    /// Closes both limits.
    pub(crate) fn close(&self) {
        // Those who wait for a session wait in the queues of their keys.
        self.sessions.close();
        self.keys.close();
    }
}
