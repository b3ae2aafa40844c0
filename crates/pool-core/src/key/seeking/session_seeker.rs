//! A key as one of those that seek sessions, as the limit of sessions sees it.

use std::{
    any::Any,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use crate::limits::{Grant, Grantee, Member, Permit, Seats, Seeker};

/// A key that seeks sessions.
pub(crate) trait SeekingKey: Send + Sync {
    /// The key's place among those who share the sessions.
    fn member(&self) -> &Member;

    /// The key's places under the quotas of sessions.
    fn seats(&self) -> Option<&Seats>;

    /// Reserves a connect, if a waiter of the key needs one and the limit of the key allows it.
    fn reserve(self: Arc<Self>) -> Option<ReservedConnect>;

    /// True while a waiter needs a connect and the limit of the key allows one.
    fn seeks(&self) -> bool;

    /// True while the key has no session and opens none.
    fn has_none(&self) -> bool;

    /// As [`Seeker::next_deadline`].
    fn next_deadline(&self) -> Option<u64>;

    /// Fails the waiters of the key whose deadlines are not later than this one, in nanoseconds: they cannot
    /// be served in time. They may come again after a while.
    fn shed(self: Arc<Self>, due: u64, retry_after: Duration);

    /// Counts one more that was served.
    fn note_served(&self);

    /// As [`Seeker::is_in_line`].
    fn is_in_line(&self) -> &AtomicBool;

    /// As [`Grantee::begin`].
    ///
    /// # Errors
    /// As there.
    fn begin(&self, grant: SessionGrant) -> Result<(), SessionGrant>;
}

/// A reserved connect. The limit only hands it on.
pub(crate) type ReservedConnect = Box<dyn Any + Send>;

/// A key that seeks sessions.
pub(crate) type SessionSeeker = Arc<dyn SeekingKey>;

/// A permit for a session.
pub(crate) type SessionPermit = Permit<SessionSeeker>;

/// A permit for a session, and the connect that it is for.
pub(crate) type SessionGrant = Grant<SessionSeeker>;

impl Seeker for SessionSeeker {
    type Need = ReservedConnect;

    fn number(&self) -> usize {
        Self::as_ptr(self).addr()
    }

    fn member(&self) -> &Member {
        (**self).member()
    }

    fn seats(&self) -> Option<&Seats> {
        (**self).seats()
    }

    fn reserve(&self) -> Option<ReservedConnect> {
        SeekingKey::reserve(Self::clone(self))
    }

    fn seeks(&self) -> bool {
        (**self).seeks()
    }

    fn has_none(&self) -> bool {
        (**self).has_none()
    }

    fn next_deadline(&self) -> Option<u64> {
        (**self).next_deadline()
    }

    fn is_in_line(&self) -> &AtomicBool {
        (**self).is_in_line()
    }
}

impl Grantee for SessionSeeker {
    fn begin(grant: SessionGrant) -> Result<(), SessionGrant> {
        let key = Self::clone(&grant.seeker);
        key.begin(grant)
    }
}
