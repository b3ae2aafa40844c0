//! The sessions that no later caller may get.

use std::collections::{BTreeMap, BTreeSet};

use mcp_pool_core::{PoolKey, Scope, Selector};

/// The sessions that were evicted or whose end was reported, each by the number of its connect.
#[derive(Default)]
pub(in super::super) struct Evictions {
    barred: BTreeMap<usize, u64>,
    ended: BTreeSet<usize>,
    count: u64,
}

impl Evictions {
    /// Bars the sessions of these connects from now on.
    pub(in super::super) fn bar(&mut self, connects: impl IntoIterator<Item = usize>) {
        self.count += 1;
        for connect in connects {
            self.barred.entry(connect).or_insert(self.count);
        }
    }

    /// The server has reported the end of the sessions of these connects.
    pub(in super::super) fn end(&mut self, connects: impl IntoIterator<Item = usize>) {
        self.ended.extend(connects);
    }

    /// True once the end of the session of this connect is reported.
    pub(in super::super) fn is_ended(&self, connect: usize) -> bool {
        self.ended.contains(&connect)
    }

    /// True once the session of this connect is barred.
    pub(in super::super) fn is_barred(&self, connect: usize) -> bool {
        self.barred.contains_key(&connect)
    }

    /// True when the session of this connect was barred by one of the first `count` evictions.
    pub(super) fn is_barred_since(&self, connect: usize, count: u64) -> bool {
        self.barred.get(&connect).is_some_and(|at| *at <= count)
    }

    /// The number of evictions so far.
    pub(in super::super) fn count(&self) -> u64 {
        self.count
    }
}

/// True when the selector selects the key, by the docs of the selector.
pub(in super::super) fn selects(selector: &Selector, key: &PoolKey) -> bool {
    let has_owner = *key.scope() != Scope::Shared;
    match selector {
        Selector::All => true,
        Selector::Conversation(id) => *key.scope() == Scope::Conversation(id.clone()),
        Selector::Endpoint(endpoint) => key.endpoint() == endpoint,
        Selector::Gateway(gateway) => key.endpoint().gateway() == Some(gateway),
        Selector::Identity(identity) => has_owner && key.identity() == identity,
        Selector::Principal(principal) => has_owner && key.principal() == principal,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_barred_from_its_eviction_on() {
        let mut evictions = Evictions::default();
        let before = evictions.count();
        evictions.bar([3, 4]);
        evictions.bar([4, 5]);
        assert!(evictions.is_barred(3) && evictions.is_barred(5));
        assert!(!evictions.is_barred(6));
        assert!(!evictions.is_barred_since(3, before));
        assert!(evictions.is_barred_since(4, 1));
        assert!(!evictions.is_barred_since(5, 1));
    }
}
