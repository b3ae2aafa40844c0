//! The keys from which capacity is reclaimed first.

use std::{collections::BinaryHeap, sync::Arc};

use tokio::task::yield_now;

use crate::{
    acquire::Acquirer,
    key::KeyPool,
    limits::Quota,
    upstream::{Sessions, TallyReading},
};

/// What is searched for candidates, and for how long.
pub(super) struct Search<'s> {
    pub(super) pool: &'s Acquirer,
    /// The quota whose keys are searched; `None` for all keys.
    pub(super) within: Option<&'s Quota>,
    pub(super) is_wanted: &'s (dyn Fn() -> bool + Sync),
}

/// The least recently used keys of the last scan, oldest first.
///
/// One scan finds enough candidates to make up for it. The order stays true meanwhile: a key that is no
/// candidate was used later than all of them, and a candidate that was used since is skipped.
#[derive(Default)]
pub(super) struct Candidates(std::vec::IntoIter<Candidate>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// In nanoseconds of the pool's clock.
    last_used: u64,
    /// The number of the key's fingerprint.
    key: u64,
}

impl Candidates {
    /// Calls `take` on the keys of which `has` holds, until no permit is wanted.
    pub(super) async fn reclaim(
        &mut self,
        search: &Search<'_>,
        has: impl Fn(Sessions) -> bool,
        take: impl Fn(&Arc<KeyPool>) -> bool,
    ) {
        self.use_up(search, &take).await;
        let mut took = true;
        while took && (search.is_wanted)() {
            *self = match search.within {
                Some(quota) => Self::scan_quota(search.pool, quota, &has).await,
                None => Self::scan(search.pool, &has).await,
            };
            took = self.use_up(search, &take).await;
        }
    }

    /// Returns whether any candidate gave a permit.
    async fn use_up(&mut self, search: &Search<'_>, take: impl Fn(&Arc<KeyPool>) -> bool) -> bool {
        let pool = search.pool;
        let mut took = false;
        let mut looks = 0;
        while (search.is_wanted)()
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
        let mut oldest = Oldest::of(pool.keys.len());
        for upstream in pool.upstreams.all() {
            for chunk in upstream.tallies.chunks() {
                chunk.for_each(|tally| {
                    if !oldest.is_older_than(tally.last_used) && holds(pool, &tally, &has) {
                        oldest.add(Candidate {
                            last_used: tally.last_used,
                            key: tally.name,
                        });
                    }
                });
                yield_now().await;
            }
        }
        oldest.into_candidates()
    }

    /// As [`scan`](Self::scan), of the keys under a quota.
    async fn scan_quota(pool: &Acquirer, quota: &Quota, has: impl Fn(Sessions) -> bool) -> Self {
        let keys = quota.keys();
        let mut oldest = Oldest::of(keys.len());
        for names in keys.chunks(LOOKS_AT_ONCE) {
            for name in names {
                if let Some(key) = pool.keys.named(*name)
                    && has(key.counts().sessions())
                {
                    oldest.add(Candidate {
                        last_used: key.last_used().nanos(),
                        key: *name,
                    });
                }
            }
            yield_now().await;
        }
        oldest.into_candidates()
    }
}

/// The oldest candidates that a scan has found so far.
struct Oldest {
    found: BinaryHeap<Candidate>,
    most: usize,
}

impl Oldest {
    /// Those of so many keys.
    fn of(keys: usize) -> Self {
        let most = (keys / SHARE).clamp(MIN_AT_ONCE, MAX_AT_ONCE);
        Self {
            found: BinaryHeap::with_capacity(most + 1),
            most,
        }
    }

    /// True when there are enough that were used before.
    fn is_older_than(&self, last_used: u64) -> bool {
        let newest = self.found.peek();
        self.found.len() >= self.most && newest.is_some_and(|top| last_used >= top.last_used)
    }

    fn add(&mut self, candidate: Candidate) {
        self.found.push(candidate);
        if self.found.len() > self.most {
            self.found.pop();
        }
    }

    fn into_candidates(self) -> Candidates {
        Candidates(self.found.into_sorted_vec().into_iter())
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
