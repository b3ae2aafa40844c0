//! How capacity is reclaimed: from the keys that are unused for the longest time.

use std::{
    collections::BinaryHeap,
    sync::{Arc, Weak},
};

use crate::{
    key::{Counts, KeyMap, KeyPool, KeyServices},
    limits::{Grantee, SharedLimit},
    time::Timestamp,
};

/// Reclaims capacity, and remembers the candidates for the next time.
#[derive(Default)]
pub(crate) struct Reclaimer {
    unused: Candidates,
    idle: Candidates,
}

impl Reclaimer {
    /// Removes unused keys and closes idle sessions, least recently used first, until no permit
    /// is wanted or none is left to reclaim.
    pub(crate) fn reclaim(&mut self, services: &Arc<KeyServices>, keys: &KeyMap) {
        self.reclaim_keys(services, keys);
        self.reclaim_sessions(services, keys);
    }

    fn reclaim_keys(&mut self, services: &Arc<KeyServices>, keys: &KeyMap) {
        let capacity = &services.capacity;
        if capacity.keys.is_exhausted() {
            // Whatever has become unused since was removed by its last user.
            return;
        }
        let is_unused = |counts: &Counts| counts.busy + counts.connecting + counts.waiting == 0;
        let remove = |key: &Arc<KeyPool>| keys.remove(key, None, services.reclaim_key_reason());
        let unused = &mut self.unused;
        unused.reclaim(&capacity.keys, keys, is_unused, remove);
        if capacity.keys.is_wanted() {
            capacity.keys.set_exhausted();
            // Finds the keys that became unused before their last users saw the flag.
            unused.reclaim(&capacity.keys, keys, is_unused, remove);
        }
    }

    fn reclaim_sessions(&mut self, services: &Arc<KeyServices>, keys: &KeyMap) {
        let capacity = &services.capacity;
        let sessions = &capacity.sessions;
        let has_idle = |counts: &Counts| counts.idle > 0;
        let close_oldest = |key: &Arc<KeyPool>| {
            let Some(session) = key.take_oldest() else {
                return false;
            };
            services.close(session, services.reclaim_reason());
            true
        };
        if sessions.is_exhausted() {
            // Whatever has become idle since was closed by its releaser.
            return;
        }
        self.idle.reclaim(sessions, keys, has_idle, close_oldest);
        if sessions.is_wanted() {
            sessions.set_exhausted();
            // Finds the sessions that became idle before their releasers saw the flag.
            self.idle.reclaim(sessions, keys, has_idle, close_oldest);
        }
    }
}

/// The least recently used keys of the last scan, oldest first.
///
/// A scan of all keys is slow where they are many, so that one scan finds enough candidates to make
/// up for it. The order stays true meanwhile: a key that is no candidate was used later than all of
/// them, and a candidate that was used since is skipped.
#[derive(Default)]
struct Candidates(std::vec::IntoIter<Candidate>);

struct Candidate {
    last_used: Timestamp,
    key: Weak<KeyPool>,
}

impl Candidates {
    /// Calls `take` on the keys of which `has` holds, until no permit is wanted.
    fn reclaim<K: Grantee>(
        &mut self,
        limit: &SharedLimit<K>,
        keys: &KeyMap,
        has: impl Fn(&Counts) -> bool,
        take: impl Fn(&Arc<KeyPool>) -> bool,
    ) {
        self.use_up(limit, &take);
        let mut took = true;
        while took && limit.is_wanted() {
            *self = Self::scan(keys, &has);
            took = self.use_up(limit, &take);
        }
    }

    /// Returns whether any candidate gave a permit.
    fn use_up<K: Grantee>(
        &mut self,
        limit: &SharedLimit<K>,
        take: impl Fn(&Arc<KeyPool>) -> bool,
    ) -> bool {
        let mut took = false;
        while limit.is_wanted()
            && let Some(candidate) = self.0.as_slice().first()
        {
            if candidate.unless_used_since().is_some_and(|key| take(&key)) {
                took = true;
            } else {
                self.0.next();
            }
        }
        took
    }

    fn scan(keys: &KeyMap, has: impl Fn(&Counts) -> bool) -> Self {
        let at_once = (keys.len() / SHARE).clamp(MIN_AT_ONCE, MAX_AT_ONCE);
        let mut oldest: BinaryHeap<Candidate> = BinaryHeap::with_capacity(at_once + 1);
        for key in keys.iter() {
            if !has(&key.counts()) {
                continue;
            }
            oldest.push(Candidate {
                last_used: key.last_used(),
                key: Arc::downgrade(&key),
            });
            if oldest.len() > at_once {
                oldest.pop();
            }
        }
        Self(oldest.into_sorted_vec().into_iter())
    }
}

impl Candidate {
    fn unless_used_since(&self) -> Option<Arc<KeyPool>> {
        let key = self.key.upgrade()?;
        (key.last_used() == self.last_used).then_some(key)
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.last_used == other.last_used
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.last_used.cmp(&other.last_used)
    }
}

/// One scan finds this part of the keys; a scan then costs little beside the connects.
const SHARE: usize = 16;

const MIN_AT_ONCE: usize = 64;

/// A candidate that is removed meanwhile keeps about a kilobyte until its turn comes.
const MAX_AT_ONCE: usize = 4_096;
