//! A clock that is read by one load.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::clock::{Clock, Timestamp};

/// A clock that is read by one load, since reading tokio's clock is a third of what a hit costs.
///
/// It is behind tokio's clock by a [`TICK`] and by what its ticker is late. It ticks only while it is
/// read, so that an unused pool wakes no thread. Where it does not tick it is tokio's clock: so it is
/// while time is paused, or was ever moved by hand.
#[derive(Debug)]
pub(crate) struct CoarseClock {
    clock: Clock,
    /// The nanoseconds of the last tick, of which the lowest bit is set once it was read; or
    /// [`STILL`] or [`EXACT`].
    word: AtomicU64,
}

/// The time between two ticks.
const TICK: Duration = Duration::from_millis(5);

/// Set in a tick that was read.
const READ: u64 = 1;

/// The clock does not tick, and the next reading requests its ticks.
const STILL: u64 = 0;

/// The clock does not tick: its ticks are requested, or time is not real.
const EXACT: u64 = 2;

/// The least that is neither of them.
const FIRST: u64 = 4;

impl CoarseClock {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            word: AtomicU64::new(STILL),
        }
    }

    /// Now. Calls `request` where ticks are to begin: their task then calls [`tick`](Self::tick).
    #[inline]
    pub(crate) fn now(&self, request: impl FnOnce()) -> Timestamp {
        let word = self.word.load(Ordering::Relaxed);
        match word & READ {
            READ => Timestamp::of_nanos(word),
            _ => self.first_reading(word, request),
        }
    }

    /// Moves the clock on. Returns when to do so again; `None` where it was not read since the last
    /// tick, or time is not real.
    pub(crate) fn tick(&self) -> Option<Instant> {
        if !is_real() {
            self.word.store(EXACT, Ordering::Relaxed);
            return None;
        }
        let word = self.word.load(Ordering::Relaxed);
        let is_wanted = word == EXACT || word & READ != 0;
        // A reading that comes in between wants the next tick.
        if !is_wanted && self.replace(word, STILL).is_ok() {
            return None;
        }
        let now = Instant::now();
        let nanos = self.clock.timestamp(now).nanos() & !READ;
        self.word.store(nanos.max(FIRST), Ordering::Relaxed);
        Some(now + TICK)
    }

    fn replace(&self, word: u64, by: u64) -> Result<u64, u64> {
        let order = Ordering::Relaxed;
        self.word.compare_exchange(word, by, order, order)
    }

    #[cold]
    fn first_reading(&self, word: u64, request: impl FnOnce()) -> Timestamp {
        match word {
            EXACT => {}
            STILL => {
                if self.replace(STILL, EXACT).is_ok() {
                    request();
                }
            }
            tick => {
                // Where another tick came meanwhile, that one is to be marked by its own reading.
                let _ = self.replace(tick, tick | READ);
                return Timestamp::of_nanos(tick);
            }
        }
        self.clock.now()
    }
}

/// True where tokio's clock is that of the machine: not while a test has paused it, nor after.
#[expect(
    clippy::disallowed_types,
    reason = "the machine's clock is what it compares with"
)]
fn is_real() -> bool {
    use std::time;
    let before = time::Instant::now();
    let shown = Instant::now().into_std();
    (before..=time::Instant::now()).contains(&shown)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A clock that ticks, and how often ticks were requested.
    struct Ticking {
        clock: CoarseClock,
        requested: Cell<u32>,
    }

    impl Ticking {
        fn new() -> Self {
            Self {
                clock: CoarseClock::new(Clock::new()),
                requested: Cell::new(0),
            }
        }

        fn now(&self) -> Timestamp {
            let request = || self.requested.set(self.requested.get() + 1);
            self.clock.now(request)
        }

        /// Lets the exact clock go on a little.
        fn wait(&self) {
            let now = self.clock.clock.now();
            while self.clock.clock.now().since(now) < Duration::from_micros(10) {}
        }
    }

    #[test]
    fn it_is_exact_until_it_ticks_and_stands_between_two_ticks() {
        let ticking = Ticking::new();
        let first = ticking.now();
        ticking.wait();
        assert!(ticking.now() > first);
        assert_eq!(ticking.requested.get(), 1, "ticks are requested once");
        assert!(ticking.clock.tick().is_some());
        let tick = ticking.now();
        ticking.wait();
        assert!(ticking.now().since(tick) <= Duration::from_nanos(1));
        assert!(ticking.clock.tick().is_some());
        assert!(ticking.now().since(tick) > Duration::from_nanos(1));
    }

    #[test]
    fn it_is_never_ahead_of_the_exact_clock() {
        let ticking = Ticking::new();
        ticking.now();
        for _ in 0..1_000 {
            ticking.clock.tick();
            let behind = ticking.now();
            assert!(behind <= ticking.clock.clock.now());
        }
    }

    #[test]
    fn a_clock_that_is_not_read_stands_still_and_begins_anew() {
        let ticking = Ticking::new();
        ticking.now();
        assert!(ticking.clock.tick().is_some(), "it was read");
        assert!(ticking.clock.tick().is_none(), "it was not read");
        ticking.now();
        assert_eq!(ticking.requested.get(), 2);
        assert!(ticking.clock.tick().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn while_time_is_paused_it_is_exact() {
        let ticking = Ticking::new();
        let first = ticking.now();
        assert!(ticking.clock.tick().is_none());
        tokio::time::advance(Duration::from_nanos(7)).await;
        assert_eq!(ticking.now().since(first), Duration::from_nanos(7));
        assert_eq!(ticking.requested.get(), 1);
    }

    #[tokio::test]
    async fn from_the_first_tick_after_time_was_paused_it_is_exact() {
        let ticking = Ticking::new();
        ticking.now();
        assert!(ticking.clock.tick().is_some());
        tokio::time::pause();
        assert!(ticking.clock.tick().is_none());
        let before = ticking.now();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(ticking.now().since(before), Duration::from_secs(1));
    }
}
