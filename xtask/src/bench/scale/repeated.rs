//! Operations that are repeated with the same random numbers in every run.

/// The number after another one in a row that is the same in every run.
pub(super) fn next(random: u64) -> u64 {
    random.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT)
}

pub(super) const ACQUIRES: u32 = 200_000;
pub(super) const ROUNDS: u64 = 9;

/// A linear congruential generator, as Knuth's MMIX has it.
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;
