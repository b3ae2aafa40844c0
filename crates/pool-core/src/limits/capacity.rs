//! The limits over all keys.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{
    accounts::Accounts,
    calls::CallSeeker,
    lobby::Lobby,
    pace::LinePace,
    quotas::{Owner, Quotas},
    shared::{Grantee, LimitKind, Seats, SharedLimit},
};
use crate::{
    extend::SharePolicy,
    types::{Endpoint, PoolLimits},
};

/// The limits over all keys: `S` seeks sessions, `K` seeks a key.
pub(crate) struct Capacity<S: Grantee, K: Grantee> {
    /// `max_total_sessions`.
    pub(crate) sessions: Arc<SharedLimit<S>>,
    /// How fast the line of `sessions` is served.
    pub(crate) pace: LinePace,
    /// `max_total_keys`.
    pub(crate) keys: Arc<SharedLimit<K>>,
    /// Calls in flight, which have quotas and no limit over all.
    pub(crate) calls: Arc<SharedLimit<CallSeeker>>,
    /// The quotas of sessions and of calls.
    pub(crate) quotas: Quotas,
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
            pace: LinePace::default(),
            keys: SharedLimit::new(LimitKind::Keys, limits.max_total_keys),
            calls: SharedLimit::new(LimitKind::Calls, 0),
            quotas: Quotas::default(),
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

    /// Sets other limits, and applies those over all keys and the quotas that are counted. Returns the limits
    /// before.
    pub(crate) fn resize(&self, after: PoolLimits) -> PoolLimits {
        let mut limits = self.limits();
        let before = std::mem::replace(&mut *limits, after);
        self.sessions.resize(after.max_total_sessions);
        self.keys.resize(after.max_total_keys);
        for (_, quota) in self.quotas.all() {
            let max = quota.own().unwrap_or_else(|| after.quota(quota.kind));
            match quota.kind.is_of_calls() {
                true => self.calls.set_quota(&quota, max),
                false => self.sessions.set_quota(&quota, max),
            }
        }
        before
    }

    /// The places of an owner under the quotas of sessions. `None` where none is set.
    pub(crate) fn session_seats(&self, owner: &Owner<'_>, limits: &PoolLimits) -> Option<Seats> {
        let (quotas, accounts) = (&self.quotas, &self.accounts);
        quotas.seats(owner, accounts, &self.sessions, limits)
    }

    /// The places of an owner under the quotas of calls. `None` where none is set.
    pub(crate) fn call_seats(&self, owner: &Owner<'_>, limits: &PoolLimits) -> Option<Seats> {
        let (quotas, accounts) = (&self.quotas, &self.accounts);
        quotas.seats(owner, accounts, &self.calls, limits)
    }

    /// Applies the own quotas of an endpoint that has changed.
    pub(crate) fn update_endpoint(&self, endpoint: &Endpoint) {
        let limits = self.limits();
        self.quotas.update(endpoint, &self.sessions, &limits);
        self.quotas.update(endpoint, &self.calls, &limits);
    }

    /// True while a caller waits for a permit.
    pub(crate) fn has_waiters(&self) -> bool {
        self.sessions.has_waiters() || self.keys.has_waiters()
    }

    /// True while a permit is wanted, for one that waits or under a lowered limit or quota. Lost-wake-up protocol: a
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

    /// Closes all limits. Returns how many callers waited until they may call.
    pub(crate) fn close(&self) -> usize {
        // Those who wait for a session wait in the queues of their keys.
        self.sessions.close();
        self.keys.close();
        let callers = self.calls.close();
        callers.iter().for_each(CallSeeker::end);
        callers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LimitsConfig, extend::Fair, limits::calls::CallWait, types::Principal};

    #[test]
    fn a_permit_is_wanted_while_a_caller_waits_for_a_session_or_for_a_key() {
        for of_keys in [false, true] {
            let limits = LimitsConfig::default()
                .pool_limits()
                .with_max_total_keys(1)
                .with_max_total_sessions(1);
            let capacity = Capacity::<CallSeeker, CallSeeker>::new(limits, Arc::new(Fair));
            let limit = match of_keys {
                true => &capacity.keys,
                false => &capacity.sessions,
            };
            let member = capacity.accounts.of(&Principal::user("alice"));
            let held = limit.take(&member, None).expect("the only permit");
            assert!(
                !capacity.has_waiters() && !capacity.is_wanted(),
                "{of_keys}"
            );
            let waits = CallWait::new(limit, member, Arc::new([]));
            waits.begin();
            assert!(capacity.has_waiters() && capacity.is_wanted(), "{of_keys}");
            drop(waits);
            assert!(
                !capacity.has_waiters() && !capacity.is_wanted(),
                "{of_keys}"
            );
            drop(held);
        }
    }
}
