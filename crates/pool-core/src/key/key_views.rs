//! What can be read off a key.

use std::sync::{Arc, atomic::Ordering};

use super::key_pool::KeyPool;
use crate::{
    key::{
        seeking::Waiter,
        session::{PooledSession, SessionSlot},
        slots::Counts,
    },
    limits::{Member, Quota, Seats},
    time::{Keepalive, Timestamp},
    types::Era,
};

impl KeyPool {
    /// Whether a session is ready under the lock.
    #[inline(always)]
    pub(crate) fn has_ready(&self) -> bool {
        self.slots.has_ready()
    }

    /// True once the key was removed or closed.
    pub(crate) fn is_removed(&self) -> bool {
        self.slots.is_removed()
    }

    /// True while a caller waits in the queue.
    pub(crate) fn has_waiters(&self) -> bool {
        self.slots.has_waiters()
    }

    /// True while the key seeks a session under `max_total_sessions`, or is about to.
    #[inline]
    pub(crate) fn is_in_line(&self) -> bool {
        self.in_line.load(Ordering::SeqCst)
    }

    /// The generation of a session that is opened now.
    pub(crate) fn generation(&self) -> u64 {
        self.slots.generation()
    }

    /// The counts of the key, all of one instant.
    pub(crate) fn counts(&self) -> Counts {
        self.slots.counts()
    }

    /// How many calls each session of the key serves now. A session that is not listed serves as many
    /// as it may.
    pub(crate) fn usage(&self) -> Vec<(u64, u32)> {
        self.slots.usage()
    }

    /// A view of the callers that wait, `most` at most, in the order in which they are served.
    pub(crate) fn waiters<R>(&self, most: usize, view: impl Fn(&Waiter) -> R) -> Vec<R> {
        self.slots.waiters(most, view)
    }

    /// The key's place among those who share the capacity of the pool.
    pub(crate) fn member(&self) -> &Member {
        &self.member
    }

    /// The key's places under the quotas of sessions; `None` where none is set.
    pub(crate) fn session_seats(&self) -> Option<&Seats> {
        self.quotas.get()?.sessions()
    }

    /// The key's places under the quotas of calls; `None` where none is set.
    #[inline]
    pub(crate) fn call_seats(&self) -> Option<&Seats> {
        self.quotas.get()?.calls()
    }

    /// A quota of the key's sessions of which a permit is wanted back.
    pub(crate) fn quota_in_want(&self) -> Option<&Quota> {
        self.quotas.get()?.in_want()
    }

    /// The limit of sessions.
    pub(crate) fn max_sessions(&self) -> usize {
        self.slots.max()
    }

    /// When a session of the key was last acquired.
    pub(crate) fn last_used(&self) -> Timestamp {
        self.slots.last_used()
    }

    /// True while the key has sessions or opens some.
    pub(crate) fn has_sessions(&self) -> bool {
        !self.slots.has_none()
    }

    /// True while a caller has one of its sessions.
    pub(crate) fn has_sessions_in_use(&self) -> bool {
        self.slots.is_in_use()
    }

    /// When the next idle session is due for a check in the background.
    pub(crate) fn first_due(&self, keepalive: Keepalive) -> Option<Timestamp> {
        self.slots
            .first_due(|session, alive_at| due(session, alive_at, keepalive))
    }

    /// A slot of an idle session that is due for a check in the background.
    pub(crate) fn take_due(&self, keepalive: Keepalive, now: Timestamp) -> Option<SessionSlot> {
        self.slots
            .take_due(|session, alive_at| due(session, alive_at, keepalive) <= now)
    }

    /// The earliest end of the lives of the idle sessions.
    pub(crate) fn first_session_end(&self) -> Option<Timestamp> {
        self.slots.first_end(|session| session.ends_at)
    }
}

/// When a session is due for a check in the background. One without a state needs none.
fn due(session: &Arc<PooledSession>, alive_at: Timestamp, keepalive: Keepalive) -> Timestamp {
    match session.session.info().era {
        Era::Legacy => keepalive.due(session.id, alive_at),
        Era::Stateless => Timestamp::NEVER,
    }
}
