//! Wall-clock time as tokens count it. Checks take `now` as an argument.

use std::time::{Duration, SystemTime};

/// The time since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixTime(Duration);

impl UnixTime {
    pub(crate) fn now() -> Self {
        // A clock before 1970 is wrong. With zero, every token that has `nbf` is refused.
        Self(SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO))
    }

    pub(crate) fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// This time and `duration` later.
    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// The time from `earlier` until this; zero if this is not later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
