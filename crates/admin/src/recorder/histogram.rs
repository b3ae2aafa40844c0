//! Durations by size.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How many durations there were of each size, in buckets a sixteenth of an octave wide. Recording is one
/// relaxed increment.
pub(super) struct Histogram(Box<[AtomicU64]>);

/// What a histogram has counted so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Histogram {
    #[inline]
    pub(super) fn record(&self, time: Duration) {
        self.0[bucket(time)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Counts(counts.collect())
    }
}

impl Counts {
    /// What came since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let before = earlier.0.iter().copied().chain(std::iter::repeat(0));
        let counts = self.0.iter().zip(before);
        Self(
            counts
                .map(|(now, before)| now.saturating_sub(before))
                .collect(),
        )
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The duration in seconds that this share of all does not exceed, within 5%; `None` without any.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let total = self.total();
        let rank = ((total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= rank
        };
        let index = (total > 0)
            .then(|| self.0.iter().position(reaches))
            .flatten()?;
        Some(middle(index))
    }
}

/// Microseconds below this have a bucket each.
const LINEAR: u64 = 16;
/// The largest power of two of microseconds: about 36 minutes.
const MAX_POWER: u32 = 31;
const BUCKETS: usize = LINEAR as usize * (MAX_POWER as usize - 2);

fn bucket(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    if micros < LINEAR {
        return micros as usize;
    }
    let power = micros.ilog2();
    let part = (micros >> (power - 4)) & (LINEAR - 1);
    let index = u64::from(power - 3) * LINEAR + part;
    (index as usize).min(BUCKETS - 1)
}

/// The middle of a bucket, in seconds.
fn middle(index: usize) -> f64 {
    let index = index as u64;
    let micros = match index / LINEAR {
        0 => index as f64,
        octave => {
            let width = (1u64 << (octave - 1)) as f64;
            (LINEAR + index % LINEAR) as f64 * width + (width - 1.0) / 2.0
        }
    };
    micros / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_a_twentieth_of_the_duration() {
        for micros in [
            0,
            1,
            15,
            16,
            17,
            31,
            32,
            999,
            12_345,
            5_000_000,
            1_800_000_000,
        ] {
            let histogram = Histogram::default();
            histogram.record(Duration::from_micros(micros));
            let found = histogram.counts().quantile(0.5).unwrap();
            let expected = micros as f64 / 1e6;
            assert!(
                (found - expected).abs() <= expected / 20.0,
                "{micros}: {found}"
            );
        }
        let histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert!(histogram.counts().quantile(1.0).unwrap() > 1_800.0);
    }

    #[test]
    fn quantiles_are_of_what_came_since_the_earlier_reading() {
        let histogram = Histogram::default();
        assert_eq!(histogram.counts().quantile(0.99), None);
        (0..100).for_each(|_| histogram.record(Duration::from_secs(9)));
        let before = histogram.counts();
        (0..98).for_each(|_| histogram.record(Duration::from_millis(1)));
        (0..2).for_each(|_| histogram.record(Duration::from_secs(1)));
        let since = histogram.counts().since(&before);
        assert_eq!(since.total(), 100);
        assert!((since.quantile(0.5).unwrap() - 0.001).abs() < 1e-4);
        assert!((since.quantile(0.99).unwrap() - 1.0).abs() < 0.05);
        assert_eq!(histogram.counts().since(&Counts::default()).total(), 200);
    }
}
