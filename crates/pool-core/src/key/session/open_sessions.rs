//! Every open session of a pool.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::pooled_session::PooledSession;
use crate::key::job::JobSender;

/// Every session that is open and not being closed. Written when a session is opened and when its
/// closing begins, never in between.
#[derive(Default)]
pub(crate) struct OpenSessions(Mutex<HashMap<u64, OpenSession>>);

struct OpenSession {
    session: Weak<PooledSession>,
    /// Keeps the maintenance task alive until it has the session to close.
    jobs: JobSender,
}

impl OpenSessions {
    pub(crate) fn add(&self, session: &Arc<PooledSession>, jobs: JobSender) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = OpenSession {
            session: Arc::downgrade(session),
            jobs,
        };
        sessions.insert(session.id, open);
    }

    /// Takes a session out. Returns the sender for the job that closes it.
    pub(crate) fn remove(&self, id: u64) -> Option<JobSender> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&id).map(|open| open.jobs)
    }

    /// The sessions with these ids that are still open.
    pub(crate) fn get(&self, ids: &[u64]) -> Vec<Arc<PooledSession>> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = ids.iter().filter_map(|id| sessions.get(id));
        open.filter_map(|open| open.session.upgrade()).collect()
    }

    /// Every open session, in the order of opening: what closes all of them does so in an order that
    /// repeats.
    pub(crate) fn all(&self) -> Vec<Arc<PooledSession>> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sessions.values();
        let mut open: Vec<_> = open.filter_map(|open| open.session.upgrade()).collect();
        drop(sessions);
        open.sort_unstable_by_key(|session| session.id);
        open
    }
}
