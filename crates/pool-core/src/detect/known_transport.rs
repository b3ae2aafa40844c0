//! The transport of an address, as far as it is known: one word to read on a hit.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;

use crate::{error::AcquireError, extend::SingleFlight, time::Timestamp};

/// The transport of an address, as far as it is known.
#[derive(Default)]
pub(crate) struct KnownTransport {
    detected: AtomicU64,
    /// Until when the transport needs no new detection, in nanoseconds of the pool's clock.
    good_until: AtomicU64,
    /// The detection under way.
    pub(crate) flights: SingleFlight<DetectionOutcome>,
}

/// The outcome of a detection, and the headers that it was made with: a refused credential concerns
/// only the callers that send the same headers.
#[derive(Clone)]
pub(crate) struct DetectionOutcome {
    pub(crate) result: Result<DetectedTransport, AcquireError>,
    pub(crate) headers: std::sync::Arc<HeaderMap>,
}

/// One detection of an address: the position of the connector in the pool's order, and the number of
/// the detection, so that only a failure of this very detection invalidates it.
///
/// ```text
/// 63        33 │ 32          │ 31             0
/// number       │ invalidated │ position + 1; 0 before the first detection
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DetectedTransport(u64);

impl KnownTransport {
    /// The detected transport, unless it was invalidated.
    pub(crate) fn current(&self) -> Option<DetectedTransport> {
        let last = self.last();
        last.filter(|detected| detected.0 & INVALIDATED == 0)
    }

    /// The last detected transport, even if it was invalidated.
    pub(crate) fn last(&self) -> Option<DetectedTransport> {
        let word = self.detected.load(Ordering::Acquire);
        (word & POSITION != 0).then_some(DetectedTransport(word))
    }

    /// True when the detection has expired.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        now.nanos() >= self.good_until.load(Ordering::Relaxed)
    }

    /// Sets the transport to that of the connector at this position.
    pub(crate) fn set(&self, position: usize, good_until: Timestamp) -> DetectedTransport {
        self.good_until.store(good_until.nanos(), Ordering::Relaxed);
        let number = (self.detected.load(Ordering::Relaxed) & NUMBER).wrapping_add(ONE);
        let detected = DetectedTransport(number | (position as u64 + 1) & POSITION);
        self.detected.store(detected.0, Ordering::Release);
        detected
    }

    /// Invalidates this detection after the server denied its transport. A newer detection stays.
    pub(crate) fn invalidate(&self, detected: DetectedTransport) {
        let invalidated = detected.0 | INVALIDATED;
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        let _ = self
            .detected
            .compare_exchange(detected.0, invalidated, success, failure);
    }
}

impl DetectedTransport {
    /// The position of the connector in the pool's order.
    pub(crate) fn position(self) -> usize {
        (self.0 & POSITION) as usize - 1
    }
}

const POSITION: u64 = u32::MAX as u64;
const INVALIDATED: u64 = 1 << 32;
const ONE: u64 = 1 << 33;
const NUMBER: u64 = !(ONE - 1);

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, Instant};

    use super::*;
    use crate::time::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_detection_is_good_for_its_time_and_stays_known_after_it() {
        let clock = Clock::new();
        let known = KnownTransport::default();
        assert_eq!(known.current(), None);
        let good_until = clock.timestamp(Instant::now() + Duration::from_secs(1));
        let detected = known.set(0, good_until);
        assert_eq!((known.current(), detected.position()), (Some(detected), 0));
        assert!(!known.is_stale(clock.now()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(known.is_stale(clock.now()));
        assert_eq!(known.current(), Some(detected));
    }

    #[test]
    fn only_the_detection_that_failed_is_invalidated() {
        let now = Clock::new().now();
        let known = KnownTransport::default();
        let first = known.set(1, now);
        let second = known.set(1, now);
        known.invalidate(first);
        assert_eq!(known.current(), Some(second));
        known.invalidate(second);
        assert_eq!(known.current(), None);
        assert_eq!(known.last().map(DetectedTransport::position), Some(1));
        let third = known.set(0, now);
        assert_eq!(known.current(), Some(third));
    }
}
