//! When to sweep which key.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use crate::{time::Timestamp, types::PoolKey};

/// The planned sweeps, earliest first.
#[derive(Default)]
pub(crate) struct Schedule(BinaryHeap<Reverse<PlannedSweep>>);

/// A planned sweep.
pub(crate) struct PlannedSweep {
    pub(crate) at: Timestamp,
    pub(crate) key: PoolKey,
}

impl Schedule {
    pub(crate) fn add(&mut self, at: Timestamp, key: PoolKey) {
        self.0.push(Reverse(PlannedSweep { at, key }));
    }

    /// When the next sweep is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse(sweep)| sweep.at)
    }

    /// The next sweep, if it is due.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<PlannedSweep> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(sweep)| sweep)
    }
}

impl PartialEq for PlannedSweep {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for PlannedSweep {}

impl PartialOrd for PlannedSweep {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PlannedSweep {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}
