//! Who holds shares.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash},
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use super::shared::{Account, Member};
use crate::{
    extend::{Share, ShareHolder, SharePolicy},
    types::Principal,
};

/// The accounts of a pool, by the holder of the share.
pub(crate) struct Accounts {
    policy: Arc<dyn SharePolicy>,
    /// By the hash of the holder, which takes 8 bytes where the holder takes 40. Two holders with one hash
    /// would share one account: with a million holders, in one of 37 million pools.
    by_holder: Mutex<Known<u64, Account>>,
    /// Names accounts and lanes.
    hasher: foldhash::quality::RandomState,
}

/// What is in use, by name: nothing is kept that is not.
pub(super) struct Known<N, T> {
    named: HashMap<N, Weak<T>>,
    /// The number of entries at which those that are gone are removed.
    next_cleaning: usize,
}

impl Accounts {
    pub(crate) fn new(policy: Arc<dyn SharePolicy>) -> Self {
        Self {
            policy,
            by_holder: Mutex::default(),
            hasher: foldhash::quality::RandomState::default(),
        }
    }

    /// The place of a principal.
    pub(crate) fn of(&self, principal: &Principal) -> Member {
        let share = self.policy.share(principal);
        let lane = match share.holder {
            ShareHolder::Tenant(_) => self.hasher.hash_one(principal),
            ShareHolder::All | ShareHolder::Principal(_) => 0,
        };
        Member {
            account: self.account(&share),
            lane,
        }
    }

    /// The share of a principal.
    pub(super) fn share(&self, principal: &Principal) -> Share {
        self.policy.share(principal)
    }

    fn account(&self, share: &Share) -> Arc<Account> {
        let name = self.hasher.hash_one(&share.holder);
        let mut known = self
            .by_holder
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(name, || account_of(share))
    }
}

/// An account for the holder of a share, which has nothing yet.
pub(super) fn account_of(share: &Share) -> Arc<Account> {
    Account::new(share.weight, share.holder != ShareHolder::All)
}

/// The lane of a caller among those of a key: lanes are served in turn. It is the same in every pool,
/// so that a request knows it.
pub(crate) fn caller_lane(principal: &Principal, caller: Option<&str>) -> u64 {
    static HASHER: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);
    HASHER.hash_one((principal, caller))
}

impl<N: Eq + Hash, T> Known<N, T> {
    /// What has this name, made by `new` where nothing has it.
    pub(super) fn get_or_insert(&mut self, name: N, new: impl FnOnce() -> Arc<T>) -> Arc<T> {
        if let Some(known) = self.get(&name) {
            return known;
        }
        self.clean();
        let new = new();
        self.named.insert(name, Arc::downgrade(&new));
        new
    }

    /// What has this name, while it is in use.
    pub(super) fn get(&self, name: &N) -> Option<Arc<T>> {
        self.named.get(name)?.upgrade()
    }

    /// Everything that is in use, with its name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&N, Arc<T>)> {
        let named = self.named.iter();
        named.filter_map(|(name, known)| Some((name, known.upgrade()?)))
    }

    /// Removes the entries that are gone, once there are twice as many as were left last time.
    fn clean(&mut self) {
        if self.named.len() < self.next_cleaning {
            return;
        }
        self.named.retain(|_, known| known.strong_count() > 0);
        self.next_cleaning = (2 * self.named.len()).max(MIN_CLEANING);
    }
}

impl<N, T> Default for Known<N, T> {
    fn default() -> Self {
        Self {
            named: HashMap::new(),
            next_cleaning: 0,
        }
    }
}

const MIN_CLEANING: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extend::{Fair, Fifo};

    fn same(one: &Member, other: &Member) -> bool {
        Arc::ptr_eq(&one.account, &other.account)
    }

    #[test]
    fn principals_of_one_tenant_have_one_account_and_lanes_of_their_own() {
        let accounts = Accounts::new(Arc::new(Fair));
        let [alice, bob] = ["alice", "bob"].map(|user| Principal::user(user).in_tenant("acme"));
        let (alice, bob) = (accounts.of(&alice), accounts.of(&bob));
        assert!(same(&alice, &bob));
        assert_ne!(alice.lane, bob.lane);
        let alone = accounts.of(&Principal::user("alice"));
        assert!(!same(&alice, &alone));
        assert!(same(&alone, &accounts.of(&Principal::user("alice"))));
    }

    #[test]
    fn first_come_first_served_has_one_account_with_one_lane() {
        let accounts = Accounts::new(Arc::new(Fifo));
        let alice = accounts.of(&Principal::user("alice"));
        let bob = accounts.of(&Principal::user("bob").in_tenant("acme"));
        assert!(same(&alice, &bob));
        assert_eq!(alice.lane, bob.lane);
    }

    #[test]
    fn accounts_that_are_not_used_leave_nothing_behind() {
        let accounts = Accounts::new(Arc::new(Fair));
        for user in 0..10_000 {
            drop(accounts.of(&Principal::user(user.to_string())));
        }
        let known = accounts.by_holder.lock().unwrap();
        assert!(known.named.len() <= MIN_CLEANING);
    }

    #[test]
    fn entries_are_looked_through_only_once_there_are_twice_as_many_as_were_left() {
        let mut known = Known::default();
        let kept: Vec<Arc<u32>> = (0..100)
            .map(|name| known.get_or_insert(name, || Arc::new(name)))
            .collect();
        let mut entries = Vec::new();
        for name in 100..250 {
            drop(known.get_or_insert(name, || Arc::new(name)));
            entries.push(known.named.len());
        }
        // Of the 128 entries 100 are in use, and of the 200 as many.
        let cleaned = |name: usize| entries[name - 100] == 101;
        let cleanings: Vec<usize> = (100..250).filter(|name| cleaned(*name)).collect();
        assert_eq!(cleanings, [100, 128, 228]);
        assert_eq!(entries.iter().max(), Some(&200));
        drop(kept);
    }
}
