//! The random numbers of a world.

use std::time::Duration;

/// Random numbers that follow from a seed alone (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Numbers(u64);

impl Numbers {
    /// The numbers of a seed; each `stream` of a seed is independent of the others.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut numbers = Self(seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        numbers.next();
        numbers
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let drawn = self.next() >> 16;
        (drawn % (bound.max(1) as u64)) as usize
    }

    /// True in `percent` of 100 draws.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the values.
    pub(super) fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    /// A time of `1..=max` milliseconds; short times are drawn as often as long ones.
    pub(super) fn millis(&mut self, max: u64) -> Duration {
        let magnitude = self.below(max.ilog2() as usize + 1) as u32;
        let low = 1u64 << magnitude;
        let drawn = low + self.below(low as usize) as u64;
        Duration::from_millis(drawn.min(max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_seed_and_stay_in_their_bounds() {
        let draw = |seed, stream| {
            let mut numbers = Numbers::new(seed, stream);
            (0..100).map(|_| numbers.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert!((0..7).all(|number| draw(1, 0).contains(&number)));
        let mut numbers = Numbers::new(3, 0);
        for _ in 0..1_000 {
            let time = numbers.millis(50);
            assert!((1..=50).contains(&time.as_millis()), "{time:?}");
        }
    }
}
