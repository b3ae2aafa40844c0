//! When the closer looks at a key next.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::moment::Moment;

/// When the closer looks at a key next: one plan a key, however many ask for a look. Only the
/// closer touches it.
#[derive(Debug)]
pub(crate) struct NextLook(AtomicU64);

impl NextLook {
    /// Plans a look. Returns whether it comes before the one that was planned, if any was.
    pub(crate) fn bring_forward(&self, at: Moment) -> bool {
        self.0.fetch_min(at.nanos(), Ordering::Relaxed) > at.nanos()
    }

    /// Whether this is the look that was planned; it is over then. Looks that were overtaken by an
    /// earlier one are not.
    pub(crate) fn is_kept_by(&self, at: Moment) -> bool {
        let planned = (at.nanos(), NOT_PLANNED);
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        self.0
            .compare_exchange(planned.0, planned.1, success, failure)
            .is_ok()
    }
}

impl Default for NextLook {
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
    use crate::moment::Clock;

    #[test]
    fn of_many_plans_only_the_earliest_is_kept() {
        let clock = Clock::new();
        let at = |seconds| clock.moment(Instant::now() + Duration::from_secs(seconds));
        let (late, early, middle) = (at(30), at(10), at(20));
        let next = NextLook::default();
        assert!(next.bring_forward(late));
        assert!(next.bring_forward(early));
        assert!(!next.bring_forward(middle));
        assert!(!next.is_kept_by(late));
        assert!(next.is_kept_by(early));
        assert!(!next.is_kept_by(early), "it is over");
        assert!(next.bring_forward(late));
    }
}
