//! How long a caller waits.

use std::time::Duration;

use tokio::time::Instant;

use super::clock::{Clock, Timestamp, after};

/// The end of a caller's waiting, and its beginning.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) began: Instant,
    pub(crate) at: Instant,
}

impl Deadline {
    /// A deadline after `timeout`, from now on.
    pub(crate) fn after(timeout: Duration) -> Self {
        let began = Instant::now();
        Self {
            began,
            at: after(began, timeout),
        }
    }

    /// The same beginning, with an end no later than `at`.
    pub(crate) fn no_later_than(self, at: Instant) -> Self {
        Self {
            at: self.at.min(at),
            ..self
        }
    }

    /// The time since the beginning.
    pub(crate) fn waited(self) -> Duration {
        self.began.elapsed()
    }

    /// The output of `work`, or `None` when the deadline passes first.
    pub(crate) async fn bound<F: Future>(self, work: F) -> Option<F::Output> {
        tokio::time::timeout_at(self.at, work).await.ok()
    }
}

/// A deadline on the clock of a pool: as short as a waiter keeps it.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) began: Timestamp,
    pub(crate) at: Timestamp,
}

impl Limit {
    /// No time at all.
    pub(crate) const NONE: Self = Self {
        began: Timestamp::FIRST,
        at: Timestamp::FIRST,
    };

    /// The limit at a deadline.
    pub(crate) fn of(deadline: Deadline, clock: &Clock) -> Self {
        Self {
            began: clock.timestamp(deadline.began),
            at: clock.timestamp(deadline.at),
        }
    }

    /// A limit after `timeout`, from `began` on.
    #[inline]
    pub(crate) fn after(began: Timestamp, timeout: Duration) -> Self {
        Self {
            began,
            at: began.after(timeout),
        }
    }

    /// The deadline at this limit.
    pub(crate) fn deadline(self, clock: &Clock) -> Deadline {
        Deadline {
            began: clock.instant(self.began),
            at: clock.instant(self.at),
        }
    }
}
