//! The session ids that an endpoint has given out.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::types::Fingerprint;

/// The session ids of an endpoint that are in use, each with the key whose sessions use it.
///
/// A server that gives one id to two callers would show each the state of the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionIds(Arc<Mutex<HashMap<Fingerprint, Owner>>>);

#[derive(Clone, Copy, Debug)]
struct Owner {
    key: Fingerprint,
    sessions: u32,
}

/// The guard of a session's id. Dropping it gives the id up.
#[derive(Debug)]
pub(crate) struct SessionIdClaim {
    ids: SessionIds,
    id: Fingerprint,
}

impl SessionIds {
    /// Claims an id for a session of a key. `None` while a session of another key has it.
    pub(crate) fn claim(&self, id: Fingerprint, key: Fingerprint) -> Option<SessionIdClaim> {
        match self.lock().entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(Owner { key, sessions: 1 });
            }
            Entry::Occupied(mut known) if known.get().key == key => {
                known.get_mut().sessions += 1;
            }
            Entry::Occupied(_) => return None,
        }
        Some(SessionIdClaim {
            ids: self.clone(),
            id,
        })
    }

    fn release(&self, id: Fingerprint) {
        let mut ids = self.lock();
        if let Entry::Occupied(mut known) = ids.entry(id) {
            match known.get().sessions {
                0 | 1 => drop(known.remove()),
                more => known.get_mut().sessions = more - 1,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Owner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SessionIdClaim {
    fn drop(&mut self) {
        self.ids.release(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_belongs_to_one_key_until_its_last_session_is_gone() {
        let of = |text: &str| Fingerprint::of("test", text.as_bytes());
        let ids = SessionIds::default();
        let first = ids.claim(of("id"), of("alice"));
        let second = ids.claim(of("id"), of("alice"));
        assert!(first.is_some() && second.is_some());
        assert!(ids.claim(of("id"), of("bob")).is_none());
        drop(first);
        assert!(ids.claim(of("id"), of("bob")).is_none());
        drop(second);
        assert!(ids.claim(of("id"), of("bob")).is_some());
        assert!(ids.lock().is_empty());
    }
}
