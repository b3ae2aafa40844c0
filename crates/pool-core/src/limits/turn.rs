//! How long a session serves its key while others wait for one.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use once_cell::race::OnceBox;
use tokio::time::Instant;

use crate::time::Timestamp;

/// The turn of a session at its key, while other keys wait for one.
///
/// A key whose callers come back at once keeps its idle session for the rest of its turn, but for no
/// longer than it takes to open one: so what is lost by waiting for a caller that does not come is no
/// more than what a new session costs (the ski rental problem).
pub(crate) struct Turn {
    began: Instant,
    /// How many nanoseconds it took to open the session.
    opening: u64,
    /// Made where other keys wait for a session.
    idle: OnceBox<Mutex<IdleTime>>,
}

/// A time in which the session is idle.
#[derive(Default)]
struct IdleTime {
    /// How often the session had been handed out before.
    uses: u64,
    kept_until: Option<Instant>,
}

/// Whether the callers of a key come back soon after its session was given up.
#[derive(Default)]
pub(crate) struct Return(AtomicU64);

/// The lowest bit of the time until which a caller comes soon: it is set once one came. The time is 0 where
/// the key never gave a session up.
const CAME: u64 = 1;

impl Turn {
    pub(crate) fn new(began: Instant, opening: Duration) -> Self {
        Self {
            began,
            opening: u64::try_from(opening.as_nanos()).unwrap_or(u64::MAX),
            idle: OnceBox::new(),
        }
    }

    /// When the session was opened.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// True once the session has served its key for so long that opening another one in its place costs
    /// little beside that.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.end()
    }

    /// How long it took to open the session.
    pub(crate) fn opening(&self) -> Duration {
        Duration::from_nanos(self.opening)
    }

    /// Until when the session, which is idle after so many uses, is kept for its key; `None` once it is kept
    /// no longer.
    pub(crate) fn kept_until(&self, uses: u64, now: Instant) -> Option<Instant> {
        let idle = self.idle.get_or_init(Box::default);
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.uses != uses || idle.kept_until.is_none() {
            let until = (now + self.opening().max(MIN_KEPT)).min(self.end());
            *idle = IdleTime {
                uses,
                kept_until: Some(until),
            };
        }
        idle.kept_until.filter(|until| now < *until)
    }

    fn end(&self) -> Instant {
        let turn = self.opening().saturating_mul(TURN_IN_OPENINGS);
        crate::time::after(self.began, turn.max(MIN_TURN))
    }
}

impl Return {
    /// Notes that the session of the key was given up, which took `opening` to open.
    pub(crate) fn note_left(&self, now: Timestamp, opening: Duration) {
        let soon = now.after(opening.max(MIN_KEPT)).nanos();
        self.0.store(soon & !CAME, Ordering::Relaxed);
    }

    /// Notes that a caller came, which needs a session.
    pub(crate) fn note_came(&self, now: Timestamp) {
        let soon = self.0.load(Ordering::Relaxed);
        if soon > 0 && soon & CAME == 0 && now.nanos() <= soon {
            self.0.store(soon | CAME, Ordering::Relaxed);
        }
    }

    /// True where a caller came soon after the last session was given up.
    pub(crate) fn is_soon(&self) -> bool {
        self.0.load(Ordering::Relaxed) & CAME != 0
    }
}

/// A session that goes round costs its opening: at most this part of the time.
const TURN_IN_OPENINGS: u32 = 25;

/// The shortest turn.
const MIN_TURN: Duration = Duration::from_millis(10);

/// The shortest time for which an idle session is kept: timers are as coarse as that.
const MIN_KEPT: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    const OPENING: Duration = Duration::from_millis(4);

    #[tokio::test(start_paused = true)]
    async fn an_idle_session_is_kept_for_its_opening_time_and_for_no_longer_than_its_turn() {
        let began = Instant::now();
        let turn = Turn::new(began, OPENING);
        let at = |millis| began + Duration::from_millis(millis);
        assert_eq!(turn.kept_until(1, at(10)), Some(at(14)));
        assert_eq!(turn.kept_until(1, at(12)), Some(at(14)));
        assert_eq!(turn.kept_until(1, at(14)), None);
        // Used meanwhile.
        assert_eq!(turn.kept_until(2, at(20)), Some(at(24)));
        assert_eq!(turn.kept_until(3, at(98)), Some(at(100)));
        assert!(!turn.is_over(at(99)) && turn.is_over(at(100)));
        assert_eq!(turn.kept_until(4, at(100)), None);
    }

    #[test]
    fn a_caller_that_comes_late_or_first_is_no_return() {
        let (left, came) = (Return::default(), |nanos| Timestamp::of_nanos(nanos));
        left.note_came(came(0));
        assert!(!left.is_soon());
        left.note_left(came(0), OPENING);
        left.note_came(came(5_000_000));
        assert!(!left.is_soon());
        left.note_came(came(3_000_000));
        assert!(left.is_soon());
        left.note_left(came(9_000_000), OPENING);
        assert!(!left.is_soon());
    }
}
