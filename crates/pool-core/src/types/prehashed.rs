//! A hasher for keys that are hashes already.

use std::hash::{BuildHasher, Hasher};

/// For keys that are hashes already.
#[derive(Clone, Copy, Default)]
pub(crate) struct PrehashedState;

/// Passes the hash through.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prehashed(u64);

impl BuildHasher for PrehashedState {
    type Hasher = Prehashed;

    fn build_hasher(&self) -> Prehashed {
        Prehashed::default()
    }
}

impl Hasher for Prehashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
