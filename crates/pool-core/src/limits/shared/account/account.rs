//! What the holder of a share has.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

/// What the holder of a share has of each limit, or of each limit under one quota.
pub(crate) struct Account {
    pub(crate) weight: NonZeroU32,
    /// Whether its permits go round: not where all principals are served in the order of arrival.
    pub(crate) rotates: bool,
    /// How many permits it has of each limit. Written under the lock of the limit.
    held: [AtomicU32; LIMITS],
    /// How many of its callers wait.
    pub(crate) waiting: AtomicU32,
    /// The turn in which it was last served a session; 0 for none. Written under the lock of the limit.
    served: AtomicU64,
}

/// A limit that accounts are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitKind {
    Keys,
    Sessions,
    Calls,
}

const LIMITS: usize = 3;

/// A principal's place among those who share capacity.
#[derive(Clone)]
pub(crate) struct Member {
    /// The account of its share.
    pub(crate) account: Arc<Account>,
    /// Its lane among the holders of the same account.
    pub(crate) lane: u64,
}

impl Account {
    pub(crate) fn new(weight: NonZeroU32, rotates: bool) -> Arc<Self> {
        Arc::new(Self {
            weight,
            rotates,
            held: Default::default(),
            waiting: AtomicU32::new(0),
            served: AtomicU64::new(0),
        })
    }

    /// The turn in which it was last served, where that is kept: for sessions, which go round.
    pub(crate) fn served(&self, limit: LimitKind) -> Option<u64> {
        let served = self.served.load(Ordering::Relaxed);
        (limit == LimitKind::Sessions && served > 0).then_some(served)
    }

    /// Keeps the turn in which it is served.
    pub(crate) fn note_served(&self, limit: LimitKind, turn: u64) {
        if limit == LimitKind::Sessions {
            self.served.store(turn, Ordering::Relaxed);
        }
    }

    /// How many permits of a limit the holder has.
    #[inline]
    pub(crate) fn held(&self, limit: LimitKind) -> usize {
        self.held[limit as usize].load(Ordering::Relaxed) as usize
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
