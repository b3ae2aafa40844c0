//! How many calls a session serves at the same time.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::types::Era;

/// How many calls may run on a session at the same time, by what it turns out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotsByEra {
    pub(crate) legacy: u32,
    pub(crate) stateless: u32,
}

/// The slots by era, as they are now.
pub(crate) struct SlotsCell(AtomicU64);

impl SlotsCell {
    pub(crate) fn new(slots: SlotsByEra) -> Self {
        Self(AtomicU64::new(slots.packed()))
    }

    pub(crate) fn get(&self) -> SlotsByEra {
        let packed = self.0.load(Ordering::Relaxed);
        SlotsByEra {
            legacy: (packed >> 32) as u32,
            stateless: packed as u32,
        }
    }

    pub(crate) fn set(&self, slots: SlotsByEra) {
        self.0.store(slots.packed(), Ordering::Relaxed);
    }
}

impl SlotsByEra {
    /// One call at a time.
    pub(crate) const ONE: Self = Self {
        legacy: 1,
        stateless: 1,
    };

    fn packed(self) -> u64 {
        u64::from(self.legacy) << 32 | u64::from(self.stateless)
    }

    pub(crate) fn of(self, era: Era) -> u32 {
        match era {
            Era::Legacy => self.legacy,
            Era::Stateless => self.stateless,
        }
    }
}
