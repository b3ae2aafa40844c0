//! Which transport an address speaks, as far as it is known: one word to read on a hit.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::flight::Flight;
use crate::moment::Moment;

/// Which transport an address speaks, as far as it is known.
#[derive(Default)]
pub(super) struct Verdict {
    finding: AtomicU64,
    /// Until when the finding is taken for granted, in nanoseconds of the pool's clock.
    good_until: AtomicU64,
    /// The detection under way.
    pub(super) flight: Mutex<Option<Flight>>,
}

/// One finding: the place of a connector in the pool's order, and which finding it is of this
/// address, so that a finding is overturned only by what was tried on its strength.
///
/// ```text
/// 63        33 │ 32         │ 31          0
/// number       │ overturned │ place + 1; 0 before the first finding
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding(u64);

impl Verdict {
    /// What was found, unless it was overturned since.
    pub(super) fn finding(&self) -> Option<Finding> {
        let last = self.last();
        last.filter(|finding| finding.0 & OVERTURNED == 0)
    }

    /// What was found last, even if it was overturned since.
    pub(super) fn last(&self) -> Option<Finding> {
        let word = self.finding.load(Ordering::Acquire);
        (word & PLACE != 0).then_some(Finding(word))
    }

    /// Whether what was found is to be asked for again.
    pub(super) fn is_stale(&self, now: Moment) -> bool {
        now.nanos() >= self.good_until.load(Ordering::Relaxed)
    }

    /// Notes that the transport of the connector at this place was found.
    pub(super) fn settle(&self, place: usize, good_until: Moment) -> Finding {
        self.good_until.store(good_until.nanos(), Ordering::Relaxed);
        let number = (self.finding.load(Ordering::Relaxed) & NUMBER).wrapping_add(ONE);
        let finding = Finding(number | (place as u64 + 1) & PLACE);
        self.finding.store(finding.0, Ordering::Release);
        finding
    }

    /// The server denies this finding. Does nothing when there is a newer one.
    pub(super) fn overturn(&self, finding: Finding) {
        let overturned = finding.0 | OVERTURNED;
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        let _ = self
            .finding
            .compare_exchange(finding.0, overturned, success, failure);
    }
}

impl Finding {
    /// The place of the connector in the pool's order.
    pub(super) fn place(self) -> usize {
        (self.0 & PLACE) as usize - 1
    }
}

const PLACE: u64 = u32::MAX as u64;
const OVERTURNED: u64 = 1 << 32;
const ONE: u64 = 1 << 33;
const NUMBER: u64 = !(ONE - 1);

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, Instant};

    use super::*;
    use crate::moment::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_finding_is_good_for_its_time_and_stays_known_after_it() {
        let clock = Clock::new();
        let verdict = Verdict::default();
        assert_eq!(verdict.finding(), None);
        let good_until = clock.moment(Instant::now() + Duration::from_secs(1));
        let finding = verdict.settle(0, good_until);
        assert_eq!((verdict.finding(), finding.place()), (Some(finding), 0));
        assert!(!verdict.is_stale(clock.now()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(verdict.is_stale(clock.now()));
        assert_eq!(verdict.finding(), Some(finding));
    }

    #[test]
    fn only_the_finding_that_was_tried_is_overturned() {
        let now = Clock::new().now();
        let verdict = Verdict::default();
        let first = verdict.settle(1, now);
        let second = verdict.settle(1, now);
        verdict.overturn(first);
        assert_eq!(verdict.finding(), Some(second));
        verdict.overturn(second);
        assert_eq!(verdict.finding(), None);
        assert_eq!(verdict.last().map(Finding::place), Some(1));
        let third = verdict.settle(0, now);
        assert_eq!(verdict.finding(), Some(third));
    }
}
