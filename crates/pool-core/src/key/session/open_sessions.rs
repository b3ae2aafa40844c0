//! Every open session of a pool.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::pooled_session::PooledSession;
use crate::key::job::JobSender;

/// Every session that is open and not being closed. Written when a session is opened and when its
/// closing begins, never in between.
#[derive(Default)]
pub(crate) struct OpenSessions(Mutex<Open>);

#[derive(Default)]
struct Open {
    sessions: BTreeMap<u64, Weak<PooledSession>>,
    /// Keeps the maintenance task alive until it has the last of the sessions to close; `None` while none is
    /// open.
    jobs: Option<JobSender>,
}

impl OpenSessions {
    pub(crate) fn add(&self, session: &Arc<PooledSession>, jobs: JobSender) {
        let mut open = self.lock();
        open.sessions.insert(session.id, Arc::downgrade(session));
        open.jobs.get_or_insert(jobs);
    }

    /// Takes a session out. Returns the sender for the job that closes it.
    pub(crate) fn remove(&self, id: u64) -> Option<JobSender> {
        let mut open = self.lock();
        open.sessions.remove(&id)?;
        match open.sessions.is_empty() {
            true => open.jobs.take(),
            false => open.jobs.clone(),
        }
    }

    /// The sessions with these ids that are still open.
    pub(crate) fn get(&self, ids: &[u64]) -> Vec<Arc<PooledSession>> {
        let open = self.lock();
        let sessions = ids.iter().filter_map(|id| open.sessions.get(id));
        sessions.filter_map(Weak::upgrade).collect()
    }

    /// Every open session, in the order of opening: what closes all of them does so in an order that
    /// repeats.
    pub(crate) fn all(&self) -> Vec<Arc<PooledSession>> {
        let open = self.lock();
        open.sessions.values().filter_map(Weak::upgrade).collect()
    }

    /// Some of the open sessions, in the order of opening, and the id from which on the next ones come;
    /// `None` after the last one.
    pub(crate) fn some(&self, from: u64, most: usize) -> (Vec<Arc<PooledSession>>, Option<u64>) {
        let open = self.lock();
        let mut sessions = open.sessions.range(from..);
        let some = sessions.by_ref().take(most);
        let some = some.filter_map(|(_, session)| session.upgrade());
        (some.collect(), sessions.next().map(|(id, _)| *id))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
