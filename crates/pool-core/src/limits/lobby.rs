//! How many callers wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::account::Account;
use crate::config::WaiterLimits;

/// Counts the callers that wait in a pool.
#[derive(Debug, Default)]
pub(crate) struct Lobby(Arc<AtomicUsize>);

/// The place of a caller that waits. Dropped, it is free for another one.
pub(crate) struct WaitingPlace {
    in_all: Arc<AtomicUsize>,
    account: Arc<Account>,
}

impl Lobby {
    /// A place for a caller; `None` when too many wait.
    pub(crate) fn enter(
        &self,
        account: &Arc<Account>,
        limits: WaiterLimits,
    ) -> Option<WaitingPlace> {
        let in_all = self.0.fetch_add(1, Ordering::Relaxed);
        let of_share = account.waiting.fetch_add(1, Ordering::Relaxed);
        // A place that is not allowed is free again when it is dropped.
        let place = WaitingPlace {
            in_all: Arc::clone(&self.0),
            account: Arc::clone(account),
        };
        (in_all < limits.in_all && of_share < limits.per_share).then_some(place)
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        self.in_all.fetch_sub(1, Ordering::Relaxed);
        self.account.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extend::Share;

    #[test]
    fn each_limit_holds_and_a_place_that_is_left_is_free_again() {
        let lobby = Lobby::default();
        let [one, other] = [(); 2].map(|()| Account::new(&Share::of_all()));
        let limits = WaiterLimits {
            per_key: 9,
            per_share: 2,
            in_all: 3,
        };
        let mut places: Vec<_> = (0..2).map(|_| lobby.enter(&one, limits)).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(lobby.enter(&one, limits).is_none(), "of its share");
        places.push(lobby.enter(&other, limits));
        assert!(lobby.enter(&other, limits).is_none(), "in all");
        places.clear();
        assert!(lobby.enter(&one, limits).is_some());
    }
}
