//! How long a replica may count on its holdings.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::holding::Sharing;

/// How long a replica may count on its holdings, by its own monotonic clock.
///
/// The store counts a replica as dead a lease after its last beat. The replica counts from before that
/// beat was sent and stops earlier, so that it stops before another replica may claim.
pub(crate) struct Tenure {
    /// The time from a confirmed beat to the end, below the lease.
    limit: Duration,
    /// The base of the times below.
    began: Instant,
    /// When the last confirmed beat was sent, in nanoseconds.
    confirmed: AtomicU64,
    /// How often the tenure has ended. A holding from before an end is void for good.
    lapses: AtomicU64,
    /// The random number of the store's incarnation.
    incarnation: AtomicU64,
}

/// The term in which a holding was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    lapses: u64,
    incarnation: u64,
}

impl Tenure {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            began: Instant::now(),
            confirmed: AtomicU64::new(0),
            lapses: AtomicU64::new(0),
            incarnation: AtomicU64::new(0),
        }
    }

    /// Notes that the store has confirmed a beat that was sent then. Returns true where holdings from
    /// before are void.
    pub(crate) fn confirm(&self, sent: Instant, incarnation: u64) -> bool {
        let before = self.incarnation.swap(incarnation, Ordering::AcqRel);
        let is_late = self.has_lapsed(self.confirmed.load(Ordering::Acquire));
        if is_late {
            // First: a reader that sees the new time must see the end of the old term.
            self.lapses.fetch_add(1, Ordering::AcqRel);
        }
        let sent = nanos(sent.saturating_duration_since(self.began));
        self.confirmed.fetch_max(sent, Ordering::AcqRel);
        is_late || (before != 0 && before != incarnation)
    }

    /// The term now.
    pub(crate) fn term(&self) -> Term {
        Term {
            lapses: self.lapses.load(Ordering::Acquire),
            incarnation: self.incarnation.load(Ordering::Acquire),
        }
    }

    /// True while a holding of this term may be used.
    pub(crate) fn holds(&self, term: Term, sharing: Sharing) -> bool {
        if term.incarnation != self.incarnation.load(Ordering::Acquire) {
            return false;
        }
        match sharing {
            // Any number of replicas may use it at the same time.
            Sharing::Shared => true,
            Sharing::Exclusive => {
                let confirmed = self.confirmed.load(Ordering::Acquire);
                !self.has_lapsed(confirmed) && term.lapses == self.lapses.load(Ordering::Acquire)
            }
        }
    }

    fn has_lapsed(&self, confirmed: u64) -> bool {
        nanos(self.began.elapsed()).saturating_sub(confirmed) >= nanos(self.limit)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn both(tenure: &Tenure, term: Term) -> [bool; 2] {
        [Sharing::Exclusive, Sharing::Shared].map(|sharing| tenure.holds(term, sharing))
    }

    #[tokio::test(start_paused = true)]
    async fn an_exclusive_holding_ends_by_the_clock_of_its_holder_and_never_comes_back() {
        let tenure = Tenure::new(LIMIT);
        tenure.confirm(Instant::now(), 7);
        let term = tenure.term();
        advance(LIMIT - Duration::from_millis(1)).await;
        assert_eq!(both(&tenure, term), [true, true]);
        advance(Duration::from_millis(1)).await;
        assert_eq!(both(&tenure, term), [false, true]);
        assert!(tenure.confirm(Instant::now(), 7));
        assert_eq!(both(&tenure, term), [false, true]);
        assert_eq!(both(&tenure, tenure.term()), [true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_counts_from_before_it_was_sent() {
        let tenure = Tenure::new(LIMIT);
        tenure.confirm(Instant::now(), 7);
        let term = tenure.term();
        advance(Duration::from_secs(2)).await;
        let sent = Instant::now();
        advance(Duration::from_secs(2)).await;
        assert!(!tenure.confirm(sent, 7));
        advance(Duration::from_secs(3)).await;
        assert_eq!(both(&tenure, term), [false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_was_flushed_makes_every_holding_void() {
        let tenure = Tenure::new(LIMIT);
        tenure.confirm(Instant::now(), 7);
        let term = tenure.term();
        assert!(tenure.confirm(Instant::now(), 8));
        assert_eq!(both(&tenure, term), [false, false]);
    }
}
