//! What all keys of a pool share.

use std::sync::Arc;

use super::{
    job::{Job, JobSender, WeakJobSender},
    seeking::SessionSeeker,
};
use crate::{
    context::Context,
    extend::CloseReason,
    key::session::{DetectedSessions, Ending, OpenSessions, PooledSession},
    key::subscriptions::SubscriptionRegistry,
    limits::{Capacity, Grantee, KeySeeker, MissingKeys, Owner, Quota, Seats, SharedLimit},
    types::{Endpoint, PoolKey, PoolLimits, Scope},
    wire::{Background, InboxServices},
};

/// What all keys of a pool share.
pub(crate) struct KeyServices {
    pub(crate) context: Arc<Context>,
    pub(crate) capacity: Capacity<SessionSeeker, KeySeeker>,
    /// The keys that callers wait for under `max_total_keys`.
    pub(crate) missing_keys: MissingKeys,
    pub(crate) sessions: OpenSessions,
    pub(crate) detected: Arc<DetectedSessions>,
    /// The resources that the callers of each key are subscribed to.
    pub(crate) subscriptions: SubscriptionRegistry,
    pub(crate) jobs: WeakJobSender,
    /// Runs work of sessions on tasks that the maintenance task starts.
    pub(crate) inboxes: Arc<InboxServices>,
}

impl KeyServices {
    /// Closes a session that has left its key: its permit is free at once, the farewell follows in
    /// the background. A second call does nothing.
    pub(crate) fn close(&self, session: Arc<PooledSession>, reason: CloseReason) {
        if !session.begin_close() {
            return;
        }
        if is_loss(reason) {
            session.note_lost();
        }
        if let (Some(fleet), Some(held)) = (&self.context.fleet, session.session.held()) {
            fleet.begin_close(held);
        }
        if let Some(jobs) = self.sessions.remove(session.id) {
            jobs.send(Job::Close(Ending::new(&self.context, session, reason)));
        }
    }

    /// The places of a key under the quotas of sessions. `None` where none is set.
    pub(crate) fn session_seats(
        &self,
        key: &PoolKey,
        endpoint: &Endpoint,
        limits: &PoolLimits,
    ) -> Option<Seats> {
        self.capacity.session_seats(&owner(key, endpoint), limits)
    }

    /// The places of a key under the quotas of calls. `None` where none is set.
    pub(crate) fn call_seats(
        &self,
        key: &PoolKey,
        endpoint: &Endpoint,
        limits: &PoolLimits,
    ) -> Option<Seats> {
        self.capacity.call_seats(&owner(key, endpoint), limits)
    }

    /// Why a session is closed that is reclaimed now.
    pub(crate) fn reclaim_reason(&self) -> CloseReason {
        reclaim_reason(&self.capacity.sessions)
    }

    /// Why a key is removed that is reclaimed now.
    pub(crate) fn reclaim_key_reason(&self) -> CloseReason {
        reclaim_reason(&self.capacity.keys)
    }

    /// Has the maintenance task reclaim capacity, unless it is about to.
    pub(crate) fn request_reclaim(&self) {
        if self.capacity.request_reclaim() {
            self.jobs.send(Job::Reclaim);
        }
    }
}

/// True where a session ended for a reason that neither its pool nor its user chose.
fn is_loss(reason: CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::Broken | CloseReason::CheckFailed | CloseReason::Lost
    )
}

/// Whom a key belongs to. The endpoint is that of the key, with the settings in force.
fn owner<'o>(key: &'o PoolKey, endpoint: &'o Endpoint) -> Owner<'o> {
    let principal = key.principal();
    Owner {
        principal: (*key.scope() != Scope::Shared).then_some(principal),
        endpoint,
    }
}

/// Why a session is closed that is reclaimed now for a quota.
pub(crate) fn reclaim_reason_of_quota(quota: &Quota) -> CloseReason {
    match quota.has_surplus() {
        true => CloseReason::Resized,
        false => CloseReason::Reclaimed,
    }
}

fn reclaim_reason<K: Grantee>(limit: &SharedLimit<K>) -> CloseReason {
    match limit.has_surplus() {
        true => CloseReason::Resized,
        false => CloseReason::Reclaimed,
    }
}

/// Work of sessions, as the maintenance task gets it.
pub(crate) fn background(jobs: &JobSender) -> Background {
    let jobs = jobs.downgrade();
    Background::new(move |work| jobs.send(Job::Run(work)))
}
