//! Every open session of a pool.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::pooled_session::PooledSession;

/// Every session that is open and not being closed. Written when a session is opened and when its
/// closing begins, never in between.
#[derive(Default)]
pub(crate) struct OpenSessions(Mutex<HashMap<u64, Weak<PooledSession>>>);

impl OpenSessions {
    pub(crate) fn add(&self, session: &Arc<PooledSession>) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session.id, Arc::downgrade(session));
    }

    pub(crate) fn remove(&self, id: u64) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<PooledSession>> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.values().filter_map(Weak::upgrade).collect()
    }
}
