//! What the holder of a share has, and who holds shares.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    num::NonZeroU32,
    sync::{
        Arc, LazyLock, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    extend::{Share, ShareHolder, SharePolicy},
    types::Principal,
};

/// What the holder of a share has of each limit.
pub(crate) struct Account {
    pub(crate) weight: NonZeroU32,
    /// Whether its permits go round: not where all principals are served in the order of arrival.
    pub(crate) rotates: bool,
    /// How many permits it has of each limit. Written under the lock of the limit.
    held: [AtomicUsize; LIMITS],
    /// How many of its callers wait.
    pub(super) waiting: AtomicUsize,
}

/// A limit that accounts are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitKind {
    Keys,
    Sessions,
}

const LIMITS: usize = 2;

/// A principal's place among those who share capacity.
#[derive(Clone)]
pub(crate) struct Member {
    /// The account of its share.
    pub(crate) account: Arc<Account>,
    /// Its lane among the holders of the same account.
    pub(crate) lane: u64,
}

/// The accounts of a pool, by the holder of the share.
pub(crate) struct Accounts {
    policy: Arc<dyn SharePolicy>,
    by_holder: Mutex<ByHolder>,
    /// Names lanes.
    hasher: foldhash::quality::RandomState,
}

#[derive(Default)]
struct ByHolder {
    accounts: HashMap<ShareHolder, Weak<Account>>,
    /// The number of entries at which those without an account are removed.
    next_cleaning: usize,
}

impl Account {
    pub(crate) fn new(share: &Share) -> Arc<Self> {
        Arc::new(Self {
            weight: share.weight,
            rotates: share.holder != ShareHolder::All,
            held: Default::default(),
            waiting: AtomicUsize::new(0),
        })
    }

    /// How many permits of a limit the holder has.
    #[inline]
    pub(crate) fn held(&self, limit: LimitKind) -> usize {
        self.held[limit as usize].load(Ordering::Relaxed)
    }

    /// Adds a permit. The caller has the lock of the limit.
    pub(crate) fn take(&self, limit: LimitKind) {
        self.held[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Removes a permit. The caller has the lock of the limit.
    pub(crate) fn give_back(&self, limit: LimitKind) {
        self.held[limit as usize].fetch_sub(1, Ordering::Relaxed);
    }
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
            account: self.account(share),
            lane,
        }
    }

    fn account(&self, share: Share) -> Arc<Account> {
        let mut known = self
            .by_holder
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = known.accounts.get(&share.holder).and_then(Weak::upgrade) {
            return account;
        }
        known.clean();
        let account = Account::new(&share);
        known
            .accounts
            .insert(share.holder, Arc::downgrade(&account));
        account
    }
}

/// The lane of a caller among those of a key: lanes are served in turn. It is the same in every pool,
/// so that a request knows it.
pub(crate) fn caller_lane(principal: &Principal, caller: Option<&str>) -> u64 {
    static HASHER: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);
    HASHER.hash_one((principal, caller))
}

impl ByHolder {
    /// Removes the entries without an account, once there are twice as many as were left last time.
    fn clean(&mut self) {
        if self.accounts.len() < self.next_cleaning {
            return;
        }
        self.accounts
            .retain(|_, account| account.strong_count() > 0);
        self.next_cleaning = (2 * self.accounts.len()).max(MIN_CLEANING);
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
        assert!(known.accounts.len() <= MIN_CLEANING);
    }
}
