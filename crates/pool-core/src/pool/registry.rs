//! Every session that is open, whoever has it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::bucket::Live;

/// Every session that is open and not being closed. Touched when a session is opened and when its
/// closing begins, never in between.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<u64, Weak<Live>>>);

impl Registry {
    pub(crate) fn add(&self, live: &Arc<Live>) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(live.id, Arc::downgrade(live));
    }

    pub(crate) fn remove(&self, id: u64) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.values().filter_map(Weak::upgrade).collect()
    }
}
