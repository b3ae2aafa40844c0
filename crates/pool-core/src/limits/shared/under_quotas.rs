//! The quotas under a limit.

use std::sync::Arc;

use super::{
    quota::{Quota, Seats},
    shared_limit::{Grantee, Permit, SharedLimit},
};

impl<K: Grantee> SharedLimit<K> {
    /// Changes a quota under the limit; 0 means none. As for [`resize`](Self::resize), no holder loses
    /// its permit.
    pub(crate) fn set_quota(self: &Arc<Self>, quota: &Arc<Quota>, max: usize) {
        let mut state = self.lock();
        state.set_quota(quota, max);
        self.serve_all(state);
    }

    /// Gives a seeker places under quotas, by `set`, which it had none under before.
    pub(crate) fn seat(self: &Arc<Self>, seeker: &K, set: impl FnOnce()) {
        let mut state = self.lock();
        let waits = state.has(seeker);
        state.remove(seeker);
        set();
        if waits {
            state.announce(seeker);
            state.add(seeker);
        }
        self.serve_all(state);
    }

    /// Counts a permit under quotas that its holder had no places under when it was granted.
    pub(crate) fn adopt(&self, permit: &mut Permit<K>, seats: &Seats) {
        let mut state = self.lock();
        if permit.seats.is_some() {
            return;
        }
        permit.seats = Some(Arc::clone(seats));
        state.join(seats);
        for seat in seats.iter() {
            state.make_way(&seat.quota);
        }
        self.publish(&state);
    }

    /// The quota that a seeker waits for, if it waits for one.
    pub(crate) fn quota_of(&self, seeker: &K) -> Option<Arc<Quota>> {
        let state = self.lock();
        let quota = state.quotas.quota_of(seeker)?;
        (quota.room() == 0).then(|| Arc::clone(quota))
    }

    /// The quotas of which permits are wanted back.
    pub(crate) fn quotas_in_want(&self) -> Vec<Arc<Quota>> {
        self.lock().quotas.in_want()
    }

    /// Sets the exhausted flag of a quota while a permit is wanted back. The caller looks at its keys
    /// once more afterwards.
    pub(crate) fn set_quota_exhausted(&self, quota: &Quota) {
        let _state = self.lock();
        quota.notice.set_exhausted(quota.is_wanted());
    }
}
