//! The random source of a pool.

use std::sync::{Mutex, PoisonError};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The random source of a pool: seeded by the operating system, or by hand where a run is to be
/// repeated.
pub(crate) struct Random(Mutex<StdRng>);

impl Random {
    /// Seeded by the operating system.
    pub(crate) fn from_os() -> Self {
        Self(Mutex::new(StdRng::from_seed(rand::random())))
    }

    /// Gives the same numbers for the same seed.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&self) -> f64 {
        self.with(|rng| rng.random())
    }

    /// 32 bytes for a key.
    pub(crate) fn bytes(&self) -> [u8; 32] {
        self.with(|rng| rng.random())
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
