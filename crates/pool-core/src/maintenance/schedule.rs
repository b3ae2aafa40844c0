//! When to sweep which key.

use std::collections::BTreeMap;

use crate::{time::Timestamp, types::PoolKey};

/// The planned sweeps by their time and the number of the key, earliest first.
///
/// A tree, which grows by small pieces: among a million keys, a heap in one piece of memory took three
/// milliseconds to grow.
#[derive(Default)]
pub(crate) struct Schedule(BTreeMap<(Timestamp, u64), PoolKey>);

/// A planned sweep.
pub(crate) struct PlannedSweep {
    pub(crate) at: Timestamp,
    pub(crate) key: PoolKey,
}

impl Schedule {
    pub(crate) fn add(&mut self, at: Timestamp, key: PoolKey) {
        self.0.insert((at, key.fingerprint().number()), key);
    }

    /// When the next sweep is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next sweep, if it is due.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<PlannedSweep> {
        let first = self.0.first_entry()?;
        let (at, _) = *first.key();
        (at <= now).then(|| PlannedSweep {
            at,
            key: first.remove(),
        })
    }
}
