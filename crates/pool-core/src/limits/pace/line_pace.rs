//! How fast the line of a limit is served.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::queue_pace::Pace;

/// How fast the line of a limit is served, and since when it is not empty. The moments are in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct LinePace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pace: Pace,
    began: u64,
}

impl LinePace {
    /// The line was empty until now.
    pub(crate) fn begin(&self, now: u64) {
        self.lock().began = now;
    }

    /// One more was served.
    pub(crate) fn note_served(&self) {
        self.lock().pace.note_served();
    }

    /// The pace of the line while it is overloaded; `None` while it is not. The `target` is not zero.
    pub(crate) fn of_overload(&self, now: u64, target: Duration) -> Option<Pace> {
        let mut state = self.lock();
        let delay = now.saturating_sub(state.began);
        state.pace.sample(now, delay, target);
        state.pace.is_overloaded(now).then_some(state.pace)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(250);

    #[test]
    fn a_line_is_overloaded_once_it_is_not_empty_for_long_and_then_has_its_pace() {
        let (line, milli) = (LinePace::default(), 1_000_000);
        line.begin(0);
        for now in 1..=20 {
            (0..10).for_each(|_| line.note_served());
            let pace = line.of_overload(now * 100 * milli, TARGET);
            let wait = pace.and_then(|pace| pace.wait(100));
            let expected = (now >= 8).then_some(1_000 * milli);
            assert_eq!(wait, expected, "{now}");
        }
        // Empty in between.
        line.begin(2_100 * milli);
        assert!(line.of_overload(2_200 * milli, TARGET).is_none());
    }
}
