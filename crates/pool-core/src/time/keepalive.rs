//! When idle sessions are checked in the background.

use std::time::Duration;

use super::clock::Timestamp;

/// When idle sessions are checked in the background: pure. Sessions that proved alive at the same moment
/// are due at different times, within a quarter of the interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keepalive {
    interval: Duration,
}

impl Keepalive {
    /// `None` where the interval is zero: no session is checked.
    pub(crate) fn of(interval: Duration) -> Option<Self> {
        (!interval.is_zero()).then_some(Self { interval })
    }

    /// When a session is due that last proved alive at `alive_at`.
    pub(crate) fn due(self, session: u64, alive_at: Timestamp) -> Timestamp {
        // The upper half of the product is spread well for numbers that follow one another.
        let spread = session.wrapping_mul(GOLDEN_RATIO) >> 32;
        let early = self.interval.mul_f64(SPREAD * spread as f64 / LARGEST);
        alive_at.after(self.interval.saturating_sub(early))
    }

    /// When to look for sessions that are due, where none is idle now.
    pub(crate) fn next_look(self, now: Timestamp) -> Timestamp {
        now.after(self.interval.mul_f64(1.0 - SPREAD))
    }
}

/// The part of the interval by which checks are spread.
const SPREAD: f64 = 0.25;

const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

const LARGEST: f64 = u32::MAX as f64;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::of_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn checks_of_sessions_that_were_opened_together_are_spread() {
        let keepalive = Keepalive::of(Duration::from_secs(100)).unwrap();
        let dues: Vec<_> = (1..=1_000).map(|id| keepalive.due(id, at(10))).collect();
        for second in 0..25 {
            let within = |due: &&Timestamp| **due >= at(85 + second) && **due < at(86 + second);
            let due = dues.iter().filter(within).count();
            assert!((25..=55).contains(&due), "{due} in second {second}");
        }
        assert!(dues.iter().all(|due| *due >= at(85) && *due <= at(110)));
    }

    #[test]
    fn an_interval_of_any_length_is_safe() {
        assert!(Keepalive::of(Duration::ZERO).is_none());
        let longest = Keepalive::of(Duration::MAX).unwrap();
        assert!(longest.due(7, at(1)) > at(1));
        assert!(longest.next_look(at(1)) > at(1));
    }
}
