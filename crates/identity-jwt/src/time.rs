//! Wall-clock time as tokens count it. Whoever needs `now` is given it.

use std::time::{Duration, SystemTime};

/// The time since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixTime(Duration);

impl UnixTime {
    pub(crate) fn now() -> Self {
        // A clock before 1970 is no clock; with zero every token that says when it starts is refused.
        Self(SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO))
    }

    pub(crate) fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// How long it is from `earlier` until this time; nothing if it is past.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
