//! A quota of one holder.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::{
    account::{Account, LimitKind},
    notice::Notice,
};
use crate::types::QuotaKind;

/// How many permits of a limit the members of one principal, tenant or endpoint may have in all.
///
/// A seeker is in the line of the limit only while each of its quotas has a permit for it, and waits in
/// the line of a quota otherwise: the line of the limit keeps no other seeker back for its sake.
///
/// A seeker of two quotas that are both full may find the one full whenever it is its turn at the other
/// one. After some such turns it claims a permit of the narrower quota while it waits for the wider one, so
/// that it does not starve. One permit of a quota at most is kept from others that way.
pub(crate) struct Quota {
    pub(crate) kind: QuotaKind,
    /// How many permits there may be; [`usize::MAX`] for no limit. Written under the lock of the limit,
    /// like the next two.
    max: AtomicUsize,
    held: AtomicUsize,
    /// How many of its seekers are in the line of the limit, or have claimed a permit.
    in_line: AtomicUsize,
    /// Whether a seeker that waits for another quota has claimed a permit of this one.
    is_claimed: AtomicBool,
    /// The number that its endpoint has of its own; 0 for none.
    own: AtomicUsize,
    /// How many seekers wait in its own line.
    waiting: AtomicUsize,
    /// What is read of its line without the lock of the limit.
    pub(super) notice: Notice,
    /// The keys that have a seat, by the numbers of their fingerprints, each with its seats.
    keys: Mutex<BTreeMap<u64, usize>>,
}

/// A place under a quota.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) quota: Arc<Quota>,
    /// What the holder of its share has under this quota.
    pub(crate) account: Arc<Account>,
}

/// The places of one key or caller, under each quota that concerns it.
pub(crate) type Seats = Arc<[Seat]>;

impl Quota {
    /// `max` 0 means no limit.
    pub(crate) fn new(kind: QuotaKind, max: usize) -> Arc<Self> {
        Arc::new(Self {
            kind,
            max: AtomicUsize::new(limit(max)),
            held: AtomicUsize::new(0),
            in_line: AtomicUsize::new(0),
            is_claimed: AtomicBool::new(false),
            own: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            notice: Notice::default(),
            keys: Mutex::default(),
        })
    }

    /// How many permits its members have.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// How many permits there may be; 0 for no limit.
    pub(crate) fn max(&self) -> usize {
        match self.max.load(Ordering::Relaxed) {
            usize::MAX => 0,
            max => max,
        }
    }

    /// How many seekers wait for it.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn set_waiting(&self, waiting: usize) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// The number that its endpoint has of its own.
    pub(crate) fn own(&self) -> Option<usize> {
        let own = self.own.load(Ordering::Relaxed);
        (own > 0).then_some(own)
    }

    /// Sets the number that its endpoint has of its own. Returns whether it is another one.
    pub(crate) fn set_own(&self, own: usize) -> bool {
        self.own.swap(own, Ordering::Relaxed) != own
    }

    /// How many more permits there may be.
    pub(super) fn room(&self) -> usize {
        let max = self.max.load(Ordering::Relaxed);
        max.saturating_sub(self.held())
    }

    /// How many permits there are above the quota.
    pub(super) fn surplus(&self) -> usize {
        let max = self.max.load(Ordering::Relaxed);
        self.held().saturating_sub(max)
    }

    /// True while each permit that there may be has a seeker in the line of the limit.
    pub(super) fn is_spoken_for(&self) -> bool {
        self.room() <= self.in_line.load(Ordering::Relaxed)
    }

    /// True while a seeker that comes now is neither kept back by the quota nor before its turn.
    pub(super) fn is_open(&self) -> bool {
        !self.is_spoken_for() && self.waiting() == 0
    }

    /// Claims a permit for a seeker that waits for another quota, unless one is claimed.
    pub(super) fn claim(&self) -> bool {
        let is_first = !self.is_claimed.swap(true, Ordering::Relaxed);
        if is_first {
            self.joined_line();
        }
        is_first
    }

    /// Ends the claim of a seeker, which gives the permit up.
    pub(super) fn end_claim(&self) {
        self.settle_claim();
        self.left_line();
    }

    /// Ends the claim of a seeker, which is in the line of the limit now.
    pub(super) fn settle_claim(&self) {
        self.is_claimed.store(false, Ordering::Relaxed);
    }

    /// True while a seeker that waits for another quota has claimed a permit.
    #[cfg(test)]
    pub(crate) fn is_claimed(&self) -> bool {
        self.is_claimed.load(Ordering::Relaxed)
    }

    /// True while more of its seekers are in the line of the limit than there may be permits.
    pub(super) fn is_crowded(&self) -> bool {
        self.room() < self.in_line.load(Ordering::Relaxed)
    }

    /// True while a permit of one of its members is wanted back: for a seeker that waits for the quota,
    /// or since there are more than it allows.
    pub(crate) fn is_wanted(&self) -> bool {
        self.notice.is_wanted()
    }

    /// True while there are more permits than it allows.
    pub(crate) fn has_surplus(&self) -> bool {
        self.notice.has_surplus()
    }

    /// True once no key under it has anything idle to reclaim, while a permit is wanted back.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.notice.is_exhausted()
    }

    pub(super) fn set_max(&self, max: usize) {
        self.max.store(limit(max), Ordering::Relaxed);
    }

    pub(super) fn take(&self) {
        self.held.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn joined_line(&self) {
        self.in_line.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left_line(&self) {
        self.in_line.fetch_sub(1, Ordering::Relaxed);
    }

    /// The keys under it, by the numbers of their fingerprints.
    pub(crate) fn keys(&self) -> Vec<u64> {
        self.lock_keys().keys().copied().collect()
    }

    pub(crate) fn add_key(&self, key: u64) {
        *self.lock_keys().entry(key).or_default() += 1;
    }

    pub(crate) fn remove_key(&self, key: u64) {
        let mut keys = self.lock_keys();
        if let Some(seats) = keys.get_mut(&key) {
            *seats -= 1;
            if *seats == 0 {
                keys.remove(&key);
            }
        }
    }

    fn lock_keys(&self) -> MutexGuard<'_, BTreeMap<u64, usize>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// True when a holder gives a permit that it could use itself to a seeker that waits for this quota.
    pub(crate) fn is_yielded(&self, kind: LimitKind, is_turn_over: impl FnOnce() -> bool) -> bool {
        let notice = &self.quota.notice;
        notice.is_yielded_by(&self.account, kind, is_turn_over)
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota")
            .field("kind", &self.kind)
            .field("held", &self.held())
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}

fn limit(max: usize) -> usize {
    if max == 0 { usize::MAX } else { max }
}
