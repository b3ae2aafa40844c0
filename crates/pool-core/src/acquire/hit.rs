//! The whole way of a hit.

use std::{sync::Arc, time::Duration};

use super::{
    acquirer::{Acquirer, Site},
    check::{Fitness, fitness, turn_down},
    lease::Lease,
};
use crate::{
    acquire::resolve::{AcquireRequest, RequestParts, Resolved, take},
    extend::Acquired,
    key::{KeyPool, SlotGuard, run},
};

impl Acquirer {
    /// A lease on an idle session of a request that was resolved before.
    #[inline(always)]
    pub(crate) fn try_acquire(&self, request: &AcquireRequest, site: Site) -> Option<Lease> {
        let resolved = self.resolver.cached(request)?;
        self.hit(resolved, &request.parts, site)
    }

    /// A lease without waiting, taken at `site`.
    #[inline(always)]
    pub(crate) fn hit(
        &self,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        match resolved.only_key_pool() {
            Some(key) => self.hit_on(key, resolved, parts, site),
            None => self.hit_otherwise(None, resolved, parts, site),
        }
    }

    /// As [`hit`](Self::hit), for a request that knows the first pool of its key.
    // The lease is made once and checked in its place: a processor does not read in one piece what was
    // written just before in several, and waits.
    #[inline(always)]
    pub(crate) fn hit_on(
        &self,
        key: &Arc<KeyPool>,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        let Some(slot) = key.take_around() else {
            return match key.has_ready() || resolved.is_indirect() {
                true => self.hit_otherwise(Some(key), resolved, parts, site),
                false => None,
            };
        };
        let mut lease = Lease::unchecked(SlotGuard::new(Arc::clone(key), slot));
        if lease.key_pool().call_seats().is_some() {
            return self.hit_within_quotas(lease, resolved, parts, site);
        }
        match self.may_have(&mut lease, resolved, parts) {
            true if self.context().is_plain() => Some(lease),
            true => Some(self.reported(lease, site)),
            false => None,
        }
    }

    /// A hit on a key whose session that is used next has several slots or is in use, or of a request whose
    /// first key pool does not suffice.
    #[inline(never)]
    fn hit_otherwise(
        &self,
        key: Option<&Arc<KeyPool>>,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        let slot = key.and_then(take).or_else(|| resolved.take_later())?;
        let lease = Lease::unchecked(slot);
        match lease.key_pool().call_seats() {
            None => self.serve_hit(lease, resolved, parts, site),
            Some(_) => self.hit_within_quotas(lease, resolved, parts, site),
        }
    }

    /// A lease on an idle session, if it may be handed out.
    pub(super) fn serve_hit(
        &self,
        mut lease: Lease,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        self.may_have(&mut lease, resolved, parts)
            .then(|| self.reported(lease, site))
    }

    /// Whether the caller may have the lease. The lease is given back otherwise.
    #[inline(always)]
    fn may_have(&self, lease: &mut Lease, resolved: &Resolved, parts: &RequestParts) -> bool {
        let context = self.context();
        let now = self.coarse_now();
        let slot = lease.slot_mut();
        slot.set_acquired_at(now);
        let key = slot.key();
        run(
            key,
            key.note_credential(&parts.headers, || resolved.ends_at, now),
        );
        if key.keeps_spares() {
            plan_spares(key);
        }
        match fitness(context, slot, now) {
            Fitness::Fit => {
                lease.hand_out();
                true
            }
            fitness => {
                turn_down(slot, fitness);
                false
            }
        }
    }

    /// The lease, reported and watched where the pool does so.
    #[inline(never)]
    fn reported(&self, lease: Lease, site: Site) -> Lease {
        if self.context().is_plain() {
            return lease;
        }
        self.report_acquired(&lease, || Duration::ZERO);
        self.watched(lease, site)
    }

    /// Has the observer get that a caller has a session.
    pub(super) fn report_acquired(&self, lease: &Lease, waited: impl FnOnce() -> Duration) {
        self.context().events.emit(|observer, pool| {
            observer.acquired(&Acquired {
                pool,
                key: lease.key(),
                hit: !lease.is_fresh(),
                waited: waited(),
            });
        });
    }
}

#[cold]
#[inline(never)]
fn plan_spares(key: &Arc<KeyPool>) {
    run(key, key.plan_spares());
}
