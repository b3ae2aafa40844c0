//! How many calls a session serves at the same time.

use crate::types::Era;

/// How many calls may run on a session at the same time, by what it turns out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotsByEra {
    pub(crate) legacy: u32,
    pub(crate) stateless: u32,
}

impl SlotsByEra {
    /// One call at a time.
    pub(crate) const ONE: Self = Self {
        legacy: 1,
        stateless: 1,
    };

    pub(crate) fn of(self, era: Era) -> u32 {
        match era {
            Era::Legacy => self.legacy,
            Era::Stateless => self.stateless,
        }
    }
}
