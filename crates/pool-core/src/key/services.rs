//! What all keys of a pool share.

use std::sync::Arc;

use super::job::{Job, WeakJobSender};
use crate::{
    context::Context,
    extend::CloseReason,
    key::session::{DetectedSessions, OpenSessions, PooledSession},
    limits::{Capacity, FairSemaphore},
    wire::Background,
};

/// What all keys of a pool share.
pub(crate) struct KeyServices {
    pub(crate) context: Arc<Context>,
    pub(crate) capacity: Capacity,
    pub(crate) sessions: OpenSessions,
    pub(crate) detected: Arc<DetectedSessions>,
    pub(crate) jobs: WeakJobSender,
}

impl KeyServices {
    /// Closes a session that has left its key: its permit is free at once, the farewell follows in
    /// the background. A second call does nothing.
    pub(crate) fn close(&self, session: Arc<PooledSession>, reason: CloseReason) {
        if !session.begin_close() {
            return;
        }
        if let Some(jobs) = self.sessions.remove(session.id) {
            jobs.send(Job::Close(session, reason));
        }
    }

    /// Why a session is closed that is reclaimed now.
    pub(crate) fn reclaim_reason(&self) -> CloseReason {
        reclaim_reason(&self.capacity.sessions)
    }

    /// Why a key is removed that is reclaimed now.
    pub(crate) fn reclaim_key_reason(&self) -> CloseReason {
        reclaim_reason(&self.capacity.keys)
    }

    /// Runs work of sessions on tasks that the maintenance task starts.
    pub(crate) fn background(&self) -> Background {
        let jobs = self.jobs.clone();
        Background::new(move |work| jobs.send(Job::Run(work)))
    }

    /// Has the maintenance task reclaim capacity, unless it is about to.
    pub(crate) fn request_reclaim(&self) {
        if self.capacity.request_reclaim() {
            self.jobs.send(Job::Reclaim);
        }
    }
}

fn reclaim_reason(semaphore: &FairSemaphore) -> CloseReason {
    match semaphore.has_surplus() {
        true => CloseReason::Resized,
        false => CloseReason::Reclaimed,
    }
}
