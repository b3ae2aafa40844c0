//! How many callers wait.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::shared::Account;
use crate::config::WaiterLimits;

/// Counts the callers that wait in a pool.
#[derive(Debug, Default)]
pub(crate) struct Lobby(AtomicUsize);

impl Lobby {
    /// Counts one caller more; `false` when too many wait. Either way [`leave`](Self::leave) follows.
    pub(crate) fn enter(&self, account: &Account, limits: WaiterLimits) -> bool {
        let in_all = self.0.fetch_add(1, Ordering::Relaxed);
        let of_share = account.waiting.fetch_add(1, Ordering::Relaxed);
        in_all < limits.in_all && (of_share as usize) < limits.per_share
    }

    /// Counts one caller less.
    pub(crate) fn leave(&self, account: &Account) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        account.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn each_limit_holds_and_a_place_that_is_left_is_free_again() {
        let lobby = Lobby::default();
        let [one, other] = [(); 2].map(|()| Account::new(NonZeroU32::MIN, false));
        let limits = WaiterLimits {
            per_key: 9,
            per_share: 2,
            in_all: 3,
        };
        let enters = |account: &Account| {
            let is_allowed = lobby.enter(account, limits);
            if !is_allowed {
                lobby.leave(account);
            }
            is_allowed
        };
        assert!(enters(&one) && enters(&one));
        assert!(!enters(&one), "of its share");
        assert!(enters(&other));
        assert!(!enters(&other), "in all");
        lobby.leave(&one);
        assert!(enters(&one));
    }
}
