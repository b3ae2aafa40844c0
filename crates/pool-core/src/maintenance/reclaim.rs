//! How capacity is reclaimed: from the keys that are unused for the longest time.

use std::{collections::BinaryHeap, sync::Arc};

use tokio::task::yield_now;

use crate::{
    acquire::Acquirer,
    key::KeyPool,
    limits::{Grantee, SharedLimit},
    upstream::{Sessions, TallyReading},
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
    pub(crate) async fn reclaim(&mut self, pool: &Acquirer) {
        self.reclaim_keys(pool).await;
        self.reclaim_sessions(pool).await;
    }

    async fn reclaim_keys(&mut self, pool: &Acquirer) {
        let (services, limit) = (&pool.services, &pool.services.capacity.keys);
        if limit.is_exhausted() {
            // Whatever has become unused since was removed by its last user.
            return;
        }
        let is_unused = |key: Sessions| key.busy + key.connecting + key.waiting == 0;
        let remove =
            |key: &Arc<KeyPool>| pool.keys.remove(key, None, services.reclaim_key_reason());
        let unused = &mut self.unused;
        unused.reclaim(limit, pool, is_unused, remove).await;
        if limit.is_wanted() {
            limit.set_exhausted();
            // Finds the keys that became unused before their last users saw the flag.
            unused.reclaim(limit, pool, is_unused, remove).await;
        }
    }

    async fn reclaim_sessions(&mut self, pool: &Acquirer) {
        let (services, limit) = (&pool.services, &pool.services.capacity.sessions);
        let has_idle = |key: Sessions| key.idle > 0;
        let close_oldest = |key: &Arc<KeyPool>| {
            let Some(session) = key.take_oldest() else {
                return false;
            };
            services.close(session, services.reclaim_reason());
            true
        };
        if limit.is_exhausted() {
            // Whatever has become idle since was closed by its releaser.
            return;
        }
        let idle = &mut self.idle;
        idle.reclaim(limit, pool, has_idle, close_oldest).await;
        if limit.is_wanted() {
            limit.set_exhausted();
            // Finds the sessions that became idle before their releasers saw the flag.
            idle.reclaim(limit, pool, has_idle, close_oldest).await;
        }
    }
}

/// The least recently used keys of the last scan, oldest first.
///
/// One scan finds enough candidates to make up for it. The order stays true meanwhile: a key that is no
/// candidate was used later than all of them, and a candidate that was used since is skipped.
#[derive(Default)]
struct Candidates(std::vec::IntoIter<Candidate>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// In nanoseconds of the pool's clock.
    last_used: u64,
    /// The number of the key's fingerprint.
    key: u64,
}

impl Candidates {
    /// Calls `take` on the keys of which `has` holds, until no permit is wanted.
    async fn reclaim<K: Grantee>(
        &mut self,
        limit: &SharedLimit<K>,
        pool: &Acquirer,
        has: impl Fn(Sessions) -> bool,
        take: impl Fn(&Arc<KeyPool>) -> bool,
    ) {
        self.use_up(limit, pool, &take).await;
        let mut took = true;
        while took && limit.is_wanted() {
            *self = Self::scan(pool, &has).await;
            took = self.use_up(limit, pool, &take).await;
        }
    }

    /// Returns whether any candidate gave a permit.
    async fn use_up<K: Grantee>(
        &mut self,
        limit: &SharedLimit<K>,
        pool: &Acquirer,
        take: impl Fn(&Arc<KeyPool>) -> bool,
    ) -> bool {
        let mut took = false;
        let mut looks = 0;
        while limit.is_wanted()
            && let Some(candidate) = self.0.as_slice().first()
        {
            if candidate
                .unless_used_since(pool)
                .is_some_and(|key| take(&key))
            {
                took = true;
            } else {
                self.0.next();
            }
            looks += 1;
            if looks % LOOKS_AT_ONCE == 0 {
                yield_now().await;
            }
        }
        took
    }

    async fn scan(pool: &Acquirer, has: impl Fn(Sessions) -> bool) -> Self {
        let at_once = (pool.keys.len() / SHARE).clamp(MIN_AT_ONCE, MAX_AT_ONCE);
        let mut oldest: BinaryHeap<Candidate> = BinaryHeap::with_capacity(at_once + 1);
        for upstream in pool.upstreams.all() {
            for chunk in upstream.tallies.chunks() {
                chunk.for_each(|tally| {
                    let is_newer = oldest.len() >= at_once
                        && oldest
                            .peek()
                            .is_some_and(|top| tally.last_used >= top.last_used);
                    if is_newer || !holds(pool, &tally, &has) {
                        return;
                    }
                    oldest.push(Candidate {
                        last_used: tally.last_used,
                        key: tally.name,
                    });
                    if oldest.len() > at_once {
                        oldest.pop();
                    }
                });
                yield_now().await;
            }
        }
        Self(oldest.into_sorted_vec().into_iter())
    }
}

/// Whether `has` holds of a key. A tally that shows the key in use may be older than the release that
/// read the flag of waiting callers; under the lock of the key it is not.
fn holds(pool: &Acquirer, tally: &TallyReading, has: impl Fn(Sessions) -> bool) -> bool {
    let sessions = tally.sessions;
    if has(sessions) {
        return true;
    }
    if sessions.busy + sessions.connecting + sessions.waiting == 0 {
        return false;
    }
    let key = pool.keys.named(tally.name);
    key.is_some_and(|key| has(key.counts().sessions()))
}

impl Candidate {
    fn unless_used_since(&self, pool: &Acquirer) -> Option<Arc<KeyPool>> {
        let key = pool.keys.named(self.key)?;
        (key.last_used().nanos() == self.last_used).then_some(key)
    }
}

/// A look may close a session or remove a key, which takes microseconds.
const LOOKS_AT_ONCE: usize = 32;

/// One scan finds this part of the keys; a scan then costs little beside the connects.
const SHARE: usize = 16;

const MIN_AT_ONCE: usize = 64;

const MAX_AT_ONCE: usize = 4_096;
