//! Every open session of a pool.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::pooled_session::PooledSession;
use crate::key::job::JobSender;

/// Every session that is open and not being closed. Written when a session is opened and when its
/// closing begins, never in between.
#[derive(Default)]
pub(crate) struct OpenSessions(Mutex<BTreeMap<u64, OpenSession>>);

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
        open.filter_map(|open| open.session.upgrade()).collect()
    }

    /// Some of the open sessions, in the order of opening, and the id from which on the next ones come;
    /// `None` after the last one.
    pub(crate) fn some(&self, from: u64, most: usize) -> (Vec<Arc<PooledSession>>, Option<u64>) {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = sessions.range(from..);
        let some = open.by_ref().take(most);
        let some = some.filter_map(|(_, open)| open.session.upgrade());
        (some.collect(), open.next().map(|(id, _)| *id))
    }
}
