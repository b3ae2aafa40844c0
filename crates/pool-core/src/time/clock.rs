//! Points in time that are quick to compare and to carry along.

use std::{num::NonZeroU64, time::Duration};

use tokio::time::Instant;

/// A point in time on a [`Clock`], in whole nanoseconds: half of an [`Instant`], and a single
/// machine word, which counts where slots go from hand to hand. So is an `Option` of it, since it is never
/// zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(NonZeroU64);

/// tokio's clock, counted from a nanosecond before the pool was built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
}

impl Timestamp {
    /// The beginning of the clock.
    pub(crate) const FIRST: Self = Self(NonZeroU64::MIN);

    /// Later than anything.
    pub(crate) const NEVER: Self = Self(NonZeroU64::MAX);

    /// So many nanoseconds after the clock's beginning; at least one.
    #[inline]
    pub(crate) fn of_nanos(nanos: u64) -> Self {
        Self(NonZeroU64::new(nanos).unwrap_or(NonZeroU64::MIN))
    }

    /// How many nanoseconds after the clock's beginning.
    #[inline]
    pub(crate) fn nanos(self) -> u64 {
        self.0.get()
    }

    /// How long before this `earlier` was; nothing if it was not.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos().saturating_sub(earlier.nanos()))
    }

    /// The moment so long after this one, or [`NEVER`](Self::NEVER).
    pub(crate) fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    /// The moment so long before this one.
    pub(crate) fn before(self, by: Duration) -> Self {
        Self::of_nanos(self.nanos().saturating_sub(nanos(by)))
    }
}

impl From<Timestamp> for u64 {
    /// The nanoseconds after the clock's beginning.
    fn from(moment: Timestamp) -> Self {
        moment.nanos()
    }
}

impl From<u64> for Timestamp {
    /// So many nanoseconds after the clock's beginning; at least one.
    #[inline]
    fn from(nanos: u64) -> Self {
        Self::of_nanos(nanos)
    }
}

impl Clock {
    /// A clock that begins now.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            epoch: now.checked_sub(Duration::from_nanos(1)).unwrap_or(now),
        }
    }

    /// Now.
    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        self.timestamp(Instant::now())
    }

    /// An instant on this clock; one before its beginning is its beginning.
    #[inline]
    pub(crate) fn timestamp(&self, instant: Instant) -> Timestamp {
        Timestamp::of_nanos(nanos(instant.saturating_duration_since(self.epoch)))
    }

    /// A point on this clock as an instant.
    pub(crate) fn instant(&self, moment: Timestamp) -> Instant {
        after(self.epoch, Duration::from_nanos(moment.nanos()))
    }
}

/// A duration in nanoseconds, or the longest one of which a word has the number.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// `now + wait`, or the far future where the clock cannot hold that.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or_else(|| now + FAR_FUTURE)
}

/// For lives so long that the clock cannot hold their end.
pub(crate) const FAR_FUTURE: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_the_instant_it_was_made_of() {
        let clock = Clock::new();
        for nanos in [1, 2, 999_999_999, 1_000_000_000, 86_400_000_000_001] {
            let instant = clock.epoch + Duration::from_nanos(nanos);
            assert_eq!(clock.instant(clock.timestamp(instant)), instant);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_has_begun_when_it_is_made_and_what_came_before_is_its_beginning() {
        let clock = Clock::new();
        assert_eq!(clock.instant(clock.now()), Instant::now());
        let before = clock.epoch - Duration::from_secs(1);
        assert_eq!(clock.timestamp(before), Timestamp::of_nanos(0));
        assert_eq!(size_of::<Option<Timestamp>>(), size_of::<Timestamp>());
    }

    #[test]
    fn timestamps_are_apart_as_far_as_their_instants() {
        let clock = Clock::new();
        let apart = Duration::from_millis(1_500);
        let (one, two) = (
            clock.timestamp(clock.epoch + Duration::from_nanos(1)),
            clock.timestamp(clock.epoch + Duration::from_nanos(1) + apart),
        );
        assert!(one < two);
        assert_eq!(two.since(one), apart);
        assert_eq!(one.since(two), Duration::ZERO);
    }

    #[test]
    fn the_far_future_is_later_than_anything() {
        let clock = Clock::new();
        let far = clock.timestamp(after(clock.epoch, Duration::MAX));
        assert!(far > clock.timestamp(clock.epoch + Duration::from_secs(86_400 * 365)));
    }
}
