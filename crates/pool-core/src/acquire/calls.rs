//! The quotas of calls in flight.

use super::{
    acquirer::{Acquirer, Site},
    connect::report_quota,
    lease::Lease,
};
use crate::{
    acquire::resolve::{RequestParts, Resolved},
    error::AcquireError,
    extend::CloseReason,
    key::{Fate, KeyPool},
    limits::{Begun, CallPermit, CallWait, Member, Owner, Seats},
    time::Deadline,
    types::Scope,
};

/// The guard of a caller that is counted as one that waits.
struct Counted<'k>(&'k KeyPool);

impl Acquirer {
    /// As [`hit`](Self::hit), where there are quotas of calls: none when the caller is at one of them.
    #[cold]
    #[inline(never)]
    pub(super) fn hit_within_quotas(
        &self,
        mut lease: Lease,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        let key = lease.key_pool();
        let Some(seats) = self.seats_of_caller(key, parts) else {
            return self.serve_hit(lease, resolved, parts, site);
        };
        let calls = &self.services.capacity.calls;
        match calls.take(key.member(), Some(&seats)) {
            Some(call) => {
                let lease = self.serve_hit(lease, resolved, parts, None)?;
                Some(self.watched(lease.with_call(Some(call)), site))
            }
            None => {
                let slot = lease.slot_mut();
                slot.release(Fate::Undelivered, CloseReason::Superseded);
                None
            }
        }
    }

    /// The permit of a call, as soon as each quota of the caller has one. `None` where there is no quota.
    ///
    /// # Errors
    /// [`AcquireError::Quota`] at the deadline, [`AcquireError::Overloaded`] and
    /// [`AcquireError::Closed`].
    ///
    /// # Cancel safety
    /// Safe: a permit on its way to a caller that leaves goes to the next one.
    pub(super) async fn call_permit(
        &self,
        key: &KeyPool,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<Option<CallPermit>, AcquireError> {
        let Some(seats) = self.seats_of_caller(key, parts) else {
            return Ok(None);
        };
        let member = Member {
            account: key.member().account.clone(),
            lane: parts.lane(),
        };
        let wait = CallWait::new(&self.services.capacity.calls, member, seats);
        let quota = match wait.begin() {
            Begun::Granted(permit) => return Ok(Some(permit)),
            Begun::Closed => return Err(AcquireError::Closed),
            Begun::Waits(quota) => quota,
        };
        let _counted = Counted::enter(key)?;
        report_quota(key, &quota);
        match deadline.bound(wait.granted()).await {
            Some(Some(permit)) => Ok(Some(permit)),
            Some(None) => Err(AcquireError::Closed),
            None => {
                let quota = wait.quota().unwrap_or(quota);
                Err(AcquireError::Quota {
                    quota: quota.kind,
                    waited: deadline.waited(),
                })
            }
        }
    }

    /// The places of a caller under the quotas of calls. Where all principals share a session, each is
    /// counted by itself.
    fn seats_of_caller(&self, key: &KeyPool, parts: &RequestParts) -> Option<Seats> {
        let seats = key.call_seats()?;
        if *key.key.scope() != Scope::Shared {
            return Some(seats.clone());
        }
        let owner = Owner {
            principal: Some(&parts.principal),
            endpoint: key.key.endpoint(),
        };
        let capacity = &self.services.capacity;
        let limits = *capacity.limits();
        capacity.call_seats(&owner, &limits)
    }
}

impl<'k> Counted<'k> {
    /// # Errors
    /// [`AcquireError::Overloaded`] when too many wait.
    fn enter(key: &'k KeyPool) -> Result<Self, AcquireError> {
        let services = &key.services;
        let limits = services.context.config.limits.waiters();
        let counted = Self(key);
        match services.capacity.lobby.enter(&key.member().account, limits) {
            true => Ok(counted),
            false => Err(AcquireError::Overloaded {
                retry_after: key.drain_time(),
            }),
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let lobby = &self.0.services.capacity.lobby;
        lobby.leave(&self.0.member().account);
    }
}
