//! When the maintenance task sweeps a key next.

use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::Timestamp;

/// When the maintenance task sweeps a key next: one sweep is planned for a key, however many are
/// requested. Only the maintenance task accesses it.
#[derive(Debug)]
pub(crate) struct NextSweep(AtomicU64);

impl NextSweep {
    /// Plans a sweep. Returns the time of the one that it replaces, [`Timestamp::NEVER`] where none was planned;
    /// `None` where an earlier one is planned.
    pub(crate) fn bring_forward(&self, at: Timestamp) -> Option<Timestamp> {
        let before = self.0.fetch_min(at.nanos(), Ordering::Relaxed);
        (before > at.nanos()).then(|| Timestamp::of_nanos(before))
    }

    /// True when this is the planned sweep, which ends the plan. A sweep that an earlier one replaced
    /// is not.
    pub(crate) fn is_due_at(&self, at: Timestamp) -> bool {
        let planned = (at.nanos(), NOT_PLANNED);
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        self.0
            .compare_exchange(planned.0, planned.1, success, failure)
            .is_ok()
    }
}

impl Default for NextSweep {
    fn default() -> Self {
        Self(AtomicU64::new(NOT_PLANNED))
    }
}

const NOT_PLANNED: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::time::Clock;

    #[test]
    fn of_many_requested_sweeps_only_the_earliest_is_due() {
        let clock = Clock::new();
        let at = |seconds| clock.timestamp(Instant::now() + Duration::from_secs(seconds));
        let (late, early, middle) = (at(30), at(10), at(20));
        let next = NextSweep::default();
        assert_eq!(next.bring_forward(late), Some(Timestamp::NEVER));
        assert_eq!(next.bring_forward(early), Some(late));
        assert_eq!(next.bring_forward(middle), None);
        assert!(!next.is_due_at(late));
        assert!(next.is_due_at(early));
        assert!(!next.is_due_at(early), "it is over");
        assert_eq!(next.bring_forward(late), Some(Timestamp::NEVER));
    }
}
