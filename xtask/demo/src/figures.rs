//! The figures of the calls so far.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// The figures of the calls so far.
#[derive(Default)]
pub(crate) struct Figures {
    calls: AtomicU64,
    leaks: AtomicU64,
    /// The times of the last calls in microseconds, the newest anywhere.
    times: Mutex<Vec<u64>>,
}

/// The figures at a point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) calls: u64,
    pub(crate) leaks: u64,
    /// Of the last calls, in microseconds.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
}

impl Figures {
    /// Counts a call, and whether it saw another user's state.
    pub(crate) fn add(&self, took: Duration, is_leak: bool) {
        let number = self.calls.fetch_add(1, Relaxed);
        self.leaks.fetch_add(u64::from(is_leak), Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        match times.len() < KEPT {
            true => times.push(micros),
            false => times[number as usize % KEPT] = micros,
        }
    }

    pub(crate) fn reading(&self) -> Reading {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = times.clone();
        Reading {
            calls: self.calls.load(Relaxed),
            leaks: self.leaks.load(Relaxed),
            p50: percentile(times.clone(), 50),
            p99: percentile(times, 99),
        }
    }
}

/// The smallest value that at least `percent` of 100 do not exceed. Zero for no values.
pub(crate) fn percentile(mut values: Vec<u64>, percent: usize) -> u64 {
    let rank = (values.len() * percent).div_ceil(100);
    match rank.checked_sub(1) {
        None => 0,
        Some(index) => *values.select_nth_unstable(index).1,
    }
}

const KEPT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_of_the_last_calls() {
        let figures = Figures::default();
        assert_eq!(figures.reading(), Reading::default());
        (0..KEPT).for_each(|_| figures.add(Duration::from_secs(9), false));
        (0..KEPT)
            .for_each(|number| figures.add(Duration::from_micros(number as u64 + 1), number == 7));
        let reading = figures.reading();
        assert_eq!((reading.calls, reading.leaks), (2 * KEPT as u64, 1));
        assert_eq!((reading.p50, reading.p99), (500, 990));
    }
}
