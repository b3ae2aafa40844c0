//! All accounts.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{key::AccountKey, state::Account};

/// All accounts in use.
#[derive(Default)]
pub(crate) struct Accounts(Mutex<HashMap<AccountKey, Arc<Account>>>);

impl Accounts {
    /// The account of this key. An account beyond the bound takes the place of one that is not in use:
    /// its tokens are in the store.
    pub(crate) fn get(&self, key: AccountKey) -> Arc<Account> {
        let mut accounts = self.lock();
        if let Some(account) = accounts.get(&key) {
            return Arc::clone(account);
        }
        if accounts.len() >= MAX_ACCOUNTS {
            let mut left = MAX_ACCOUNTS / 10;
            accounts.retain(|_, account| {
                let is_removed = left > 0 && Arc::strong_count(account) == 1;
                left -= usize::from(is_removed);
                !is_removed
            });
        }
        let account = Arc::new(Account::new(key.clone()));
        accounts.insert(key, Arc::clone(&account));
        account
    }

    /// The account of this key, where it is in use.
    pub(crate) fn find(&self, key: &AccountKey) -> Option<Arc<Account>> {
        self.lock().get(key).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountKey, Arc<Account>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MAX_ACCOUNTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_pool_core::Principal;

    #[test]
    fn accounts_are_bounded_and_those_in_use_stay() {
        let accounts = Accounts::default();
        let url = "https://e.com/mcp".parse().unwrap();
        let key = |user: usize| AccountKey::new(&Principal::user(user.to_string()), &url);
        let used = accounts.get(key(0));
        for user in 1..=2 * MAX_ACCOUNTS {
            accounts.get(key(user));
        }
        assert!(accounts.len() <= MAX_ACCOUNTS);
        assert!(Arc::ptr_eq(&accounts.get(key(0)), &used));
    }
}
