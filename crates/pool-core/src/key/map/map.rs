//! The keys of a pool.

use std::sync::Arc;

use moka::{
    ops::compute::{CompResult, Op},
    sync::Cache,
};

use super::index::{KeyIndex, KeyPlace};
use crate::{
    extend::CloseReason,
    key::job::Job,
    key::key_pool::KeyPool,
    key::runner::run,
    time::Timestamp,
    types::{PoolKey, PrehashedState, Selector},
};

/// The keys of a pool. The map has neither a size nor a clock: which key is removed, and when, is
/// decided under the key's own lock, by tokio's clock, and never while the key is in use.
pub(crate) struct KeyMap {
    keys: Cache<PoolKey, Arc<KeyPool>, PrehashedState>,
    index: KeyIndex,
}

impl KeyMap {
    pub(crate) fn new() -> Self {
        Self {
            keys: Cache::builder().build_with_hasher(PrehashedState),
            index: KeyIndex::default(),
        }
    }

    /// The pool of a key, unless it was removed.
    pub(crate) fn get(&self, key: &PoolKey) -> Option<Arc<KeyPool>> {
        let pool = self.keys.get(key)?;
        (!pool.is_removed()).then_some(pool)
    }

    /// Inserts a new pool for a key, unless another caller has done so meanwhile. Returns the pool in
    /// the map, and whether it is the new one.
    pub(crate) fn insert(
        &self,
        key: &PoolKey,
        new: impl FnOnce() -> KeyPool,
    ) -> (Arc<KeyPool>, bool) {
        // Every change of an entry is a computation, so that the index changes along with it.
        let result = self.keys.entry_by_ref(key).and_compute_with(|entry| {
            if entry.is_some_and(|entry| !entry.value().is_removed()) {
                return Op::Nop;
            }
            self.index.add(key);
            Op::Put(Arc::new(new()))
        });
        match result {
            CompResult::Inserted(entry) | CompResult::ReplacedWith(entry) => {
                (entry.into_value(), true)
            }
            CompResult::Unchanged(entry) | CompResult::Removed(entry) => {
                (entry.into_value(), false)
            }
            CompResult::StillNone(_) => unreachable!("a missing entry is put"),
        }
    }

    /// Removes a key that no caller uses, unless it was used after `unless_used_since`. Returns
    /// whether it did.
    pub(crate) fn remove(
        &self,
        key: &Arc<KeyPool>,
        unless_used_since: Option<Timestamp>,
        reason: CloseReason,
    ) -> bool {
        let Some((effects, counts)) = key.remove(unless_used_since, reason) else {
            return false;
        };
        let services = &key.services;
        services.context.counters.keep(counts.hits, counts.misses);
        run(key, effects);
        self.forget(&key.key);
        key.release_permit();
        services.jobs.send(Job::KeyRemoved(key.key.clone(), reason));
        true
    }

    /// Takes a key out of the map that was removed.
    pub(crate) fn forget(&self, key: &PoolKey) {
        // A successor that was inserted meanwhile stays.
        let _ = self
            .keys
            .entry_by_ref(key)
            .and_compute_with(|entry| match entry {
                Some(entry) if entry.value().is_removed() => {
                    self.index.remove(key);
                    Op::Remove
                }
                _ => Op::Nop,
            });
    }

    /// The pools of the keys that a selector selects, by index.
    pub(crate) fn select(&self, selector: &Selector) -> Vec<Arc<KeyPool>> {
        match self.index.select(selector) {
            Some(keys) => keys.iter().filter_map(|key| self.get(key)).collect(),
            None => self.iter().collect(),
        }
    }

    /// The pools of some of the keys that a selector selects, from a place on, and where the next ones begin;
    /// `None` after the last one. Looks at `most` keys.
    pub(crate) fn select_some(
        &self,
        selector: &Selector,
        from: KeyPlace,
        most: usize,
    ) -> (Vec<Arc<KeyPool>>, Option<KeyPlace>) {
        let (keys, next) = self.index.select_some(selector, from, most);
        let pools = keys.iter().filter_map(|key| self.get(key));
        (pools.collect(), next)
    }

    /// The pool of the key with this fingerprint.
    pub(crate) fn named(&self, fingerprint: u64) -> Option<Arc<KeyPool>> {
        self.get(&self.index.named(fingerprint)?)
    }

    /// The pools of so many keys, in the order of their fingerprints.
    pub(crate) fn first(&self, most: usize) -> Vec<Arc<KeyPool>> {
        let keys = self.index.first(most);
        keys.iter().filter_map(|key| self.get(key)).collect()
    }

    /// How many keys there are, roughly.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.keys.entry_count()).unwrap_or(usize::MAX)
    }

    /// Every pool that was not removed, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Arc<KeyPool>> {
        let pools = self.keys.iter().map(|(_, pool)| pool);
        pools.filter(|pool| !pool.is_removed())
    }
}
