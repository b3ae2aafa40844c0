//! What others read of a limit, most of it without its lock.

use std::sync::Arc;

use super::{
    account::Account,
    hopeless::Hopeless,
    shared_limit::{Grantee, SharedLimit},
};

impl<K: Grantee> SharedLimit<K> {
    /// True while a permit is wanted back, under the limit or under a quota: for a seeker that has none
    /// on its way, or since more are taken than allowed.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.notice.is_wanted()
    }

    /// True while a permit is wanted back under the limit, of whichever holder.
    pub(crate) fn is_short(&self) -> bool {
        self.notice.is_short()
    }

    /// True while more permits are taken than the limit allows.
    #[inline]
    pub(crate) fn has_surplus(&self) -> bool {
        self.notice.has_surplus()
    }

    /// How many permits are wanted back under the limit, of whichever holder.
    pub(crate) fn shortage(&self) -> usize {
        self.notice.shortage()
    }

    /// How many seekers are served before one of this account that comes now.
    pub(crate) fn ahead_of(&self, account: &Arc<Account>) -> usize {
        self.lock().line.ahead_of(account)
    }

    /// The seeker in the line of the limit with the next deadline, where that passes before its turn comes.
    /// `wait` is how long one waits with so many ahead of it, in nanoseconds.
    pub(crate) fn hopeless(
        &self,
        now: u64,
        wait: impl Fn(usize) -> Option<u64>,
    ) -> Option<Hopeless<K>> {
        self.lock().line.hopeless(now, wait)
    }

    /// True while the line of the limit is not empty.
    pub(crate) fn has_waiters(&self) -> bool {
        self.lock().line.len() > 0
    }

    /// True when a holder gives a permit that it could use itself to another one that waits.
    pub(crate) fn is_yielded_by(
        &self,
        account: &Account,
        is_turn_over: impl FnOnce() -> bool,
    ) -> bool {
        self.notice.is_yielded_by(account, self.kind, is_turn_over)
    }

    /// True while a permit is wanted and no key has an idle session: the next released session gives
    /// its permit back.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.notice.is_exhausted()
    }

    /// Sets the exhausted flag while a permit is wanted. The caller looks at the keys once more
    /// afterwards.
    pub(crate) fn set_exhausted(&self) {
        let state = self.lock();
        self.notice.set_exhausted(state.wanted() > 0);
    }
}
