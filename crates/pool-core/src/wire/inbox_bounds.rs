//! What the servers of a pool may leave with its sessions.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

/// The bounds for the messages of servers that wait for a handler, by session, and the counts of those
/// beyond the bounds, of the whole pool.
pub(crate) struct InboxBounds {
    requests: usize,
    notifications: usize,
    refused: AtomicU64,
    dropped: AtomicU64,
}

impl InboxBounds {
    /// Bounds of so many requests and notifications. 0: no bound.
    pub(crate) fn new(requests: usize, notifications: usize) -> Self {
        let bound = |most| match most {
            0 => Semaphore::MAX_PERMITS,
            most => most.min(Semaphore::MAX_PERMITS),
        };
        Self {
            requests: bound(requests),
            notifications: bound(notifications).max(SHORTEST_QUEUE),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests
    }

    pub(super) fn notifications(&self) -> usize {
        self.notifications
    }

    /// Counts a request that was refused.
    pub(super) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a notification that was dropped.
    pub(super) fn note_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Default for InboxBounds {
    fn default() -> Self {
        Self::new(DEFAULT_INBOX_BOUND, DEFAULT_INBOX_BOUND)
    }
}

/// How long notifications that find a full queue hold up the stream that they come on.
///
/// A burst waits for its handler, so that nothing of it is lost. The answer to a call may come behind it
/// on the same stream, so that a flood may not wait without end.
#[derive(Debug, Default)]
pub(super) struct HoldUp {
    until: Option<Instant>,
}

impl HoldUp {
    /// Until when a notification that finds the queue full at `now` waits for room.
    pub(super) fn until(&mut self, now: Instant) -> Instant {
        *self.until.get_or_insert(now + LONGEST_HOLD_UP)
    }

    /// Notes how much of the queue is free. The next burst has the whole time again when half of it is.
    pub(super) fn note_room(&mut self, free: usize, of: usize) {
        if free >= of / 2 {
            self.until = None;
        }
    }
}

/// A handler that hangs takes a notification a second. In a shorter queue it would make room, and so give the
/// next burst its time, nearly as fast as that time passes.
const SHORTEST_QUEUE: usize = 8;

/// A server that has more messages waiting at the same time floods; one of them costs about 1 KB.
pub(crate) const DEFAULT_INBOX_BOUND: usize = 256;

/// As long as the turn of one notification whose handler hangs.
const LONGEST_HOLD_UP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_bound_and_no_bound_is_beyond_what_a_queue_can_count() {
        for (most, bound) in [
            (0, Semaphore::MAX_PERMITS),
            (9, 9),
            (usize::MAX, Semaphore::MAX_PERMITS),
        ] {
            let bounds = InboxBounds::new(most, most);
            assert_eq!((bounds.requests(), bounds.notifications()), (bound, bound));
        }
        let least = InboxBounds::new(1, 1);
        assert_eq!((least.requests(), least.notifications()), (1, 8));
    }

    #[tokio::test(start_paused = true)]
    async fn all_notifications_of_a_flood_hold_up_their_stream_for_one_second_together() {
        let (mut hold_up, start) = (HoldUp::default(), Instant::now());
        let end = start + LONGEST_HOLD_UP;
        assert_eq!(hold_up.until(start), end);
        hold_up.note_room(1, 256);
        assert_eq!(
            hold_up.until(start + LONGEST_HOLD_UP * 3),
            end,
            "the same flood"
        );
        hold_up.note_room(128, 256);
        let later = start + LONGEST_HOLD_UP * 4;
        assert_eq!(hold_up.until(later), later + LONGEST_HOLD_UP);
    }
}
