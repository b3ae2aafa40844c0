//! How fast a queue is served.

use std::time::Duration;

/// How fast a queue is served, and whether its delay stays above a target. The moments are in
/// nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// How many were served since the last sample.
    served: u64,
    sampled_at: u64,
    /// The time between two that are served.
    interval: Option<u64>,
    /// Since when the delay is above the target.
    above_since: Option<u64>,
    /// When the delay is looked at next.
    next_look: u64,
}

impl Pace {
    /// One more was served.
    pub(crate) fn note_served(&mut self) {
        self.served += 1;
    }

    /// Whether the delay is to be looked at: not by each of those who come at the same time, since it takes memory
    /// that another core has.
    #[inline]
    pub(crate) fn is_look_due(&self, now: u64) -> bool {
        now >= self.next_look
    }

    /// Looks at the delay, and takes a sample when one is due. `delay` is how long the first in the queue has waited; the
    /// `target` is not zero.
    pub(crate) fn sample(&mut self, now: u64, delay: u64, target: Duration) {
        self.next_look = now.saturating_add(LOOK);
        if u128::from(delay) <= target.as_nanos() {
            self.above_since = None;
        } else if self.above_since.is_none() {
            self.above_since = Some(now);
        }
        let elapsed = now.saturating_sub(self.sampled_at);
        if elapsed < SAMPLE {
            return;
        }
        let is_of_this_queue = elapsed < MAX_SAMPLE;
        self.interval = match self.served {
            0 => self.interval.filter(|_| is_of_this_queue),
            served if is_of_this_queue => Some(elapsed / served),
            _ => None,
        };
        (self.served, self.sampled_at) = (0, now);
    }

    /// True while the delay has been above the target for so long that it is no burst.
    pub(crate) fn is_overloaded(&self, now: u64) -> bool {
        let above = self.above_since;
        above.is_some_and(|since| now.saturating_sub(since) >= BURST)
    }

    /// How long a caller waits with so many ahead of it; `None` while that is not known.
    pub(crate) fn wait(&self, ahead: usize) -> Option<u64> {
        Some(self.interval?.saturating_mul(ahead as u64))
    }
}

/// The delay is looked at once in so long.
const LOOK: u64 = 1_000_000;

/// One sample of the pace takes so long.
const SAMPLE: u64 = 100_000_000;

/// A sample that took longer spans a time in which no caller came.
const MAX_SAMPLE: u64 = 5_000_000_000;

/// A delay above the target that ends within this time is a burst.
const BURST: u64 = 500_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;
    const TARGET: Duration = Duration::from_millis(250);

    fn served(pace: &mut Pace, count: usize) {
        for _ in 0..count {
            pace.note_served();
        }
    }

    #[test]
    fn the_pace_is_that_of_the_last_sample() {
        let mut pace = Pace::default();
        assert_eq!(pace.wait(10), None);
        pace.sample(100 * MILLI, 0, TARGET);
        served(&mut pace, 20);
        pace.sample(150 * MILLI, 0, TARGET);
        assert_eq!(pace.wait(10), None, "no sample is due");
        pace.sample(200 * MILLI, 0, TARGET);
        assert_eq!(pace.wait(10), Some(50 * MILLI));
        served(&mut pace, 1);
        pace.sample(400 * MILLI, 0, TARGET);
        assert_eq!(pace.wait(1), Some(200 * MILLI));
    }

    #[test]
    fn the_delay_is_looked_at_once_in_a_millisecond() {
        let mut pace = Pace::default();
        assert!(pace.is_look_due(0));
        pace.sample(7 * MILLI, 0, TARGET);
        assert!(!pace.is_look_due(8 * MILLI - 1));
        assert!(pace.is_look_due(8 * MILLI));
    }

    #[test]
    fn a_pace_from_before_a_quiet_time_does_not_count() {
        let mut pace = Pace::default();
        served(&mut pace, 20);
        pace.sample(100 * MILLI, 0, TARGET);
        assert!(pace.wait(1).is_some());
        pace.sample(60_000 * MILLI, 0, TARGET);
        assert_eq!(pace.wait(1), None);
    }

    #[test]
    fn what_was_served_over_a_quiet_time_gives_no_pace() {
        for (quiet, expected) in [(4_999, Some(4_999 * MILLI)), (5_000, None)] {
            let mut pace = Pace::default();
            served(&mut pace, 1);
            pace.sample(quiet * MILLI, 0, TARGET);
            assert_eq!(pace.wait(1), expected);
        }
    }

    #[test]
    fn a_delay_that_stays_above_the_target_is_an_overload_and_a_burst_is_none() {
        let mut pace = Pace::default();
        pace.sample(0, 300 * MILLI, TARGET);
        pace.sample(400 * MILLI, 300 * MILLI, TARGET);
        assert!(!pace.is_overloaded(400 * MILLI));
        pace.sample(450 * MILLI, 200 * MILLI, TARGET);
        pace.sample(600 * MILLI, 300 * MILLI, TARGET);
        assert!(!pace.is_overloaded(1_000 * MILLI));
        assert!(pace.is_overloaded(1_100 * MILLI));
    }
}
