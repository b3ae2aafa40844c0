//! What a downstream session has lost at its upstreams.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The upstreams that have lost the session which they had for a downstream session.
#[derive(Default)]
pub(crate) struct Losses(Mutex<Lost>);

#[derive(Default)]
struct Lost {
    /// Those whose loss the client has not been shown.
    unreported: BTreeSet<String>,
    /// Those whose era may be another one since, or was never known.
    of_unknown_era: BTreeSet<String>,
}

impl Losses {
    /// Notes a loss that the client has not been shown.
    pub(crate) fn note_unreported(&self, upstream: &str) {
        self.lock().unreported.insert(upstream.to_owned());
    }

    /// True once for each loss that the client has not been shown.
    pub(crate) fn take_unreported(&self, upstream: &str) -> bool {
        self.lock().unreported.remove(upstream)
    }

    /// Notes that the era of an upstream is not known, or no longer.
    pub(crate) fn note_unknown_era(&self, upstream: &str) {
        self.lock().of_unknown_era.insert(upstream.to_owned());
    }

    /// True once for each time that the era was not known.
    pub(crate) fn take_unknown_era(&self, upstream: &str) -> bool {
        self.lock().of_unknown_era.remove(upstream)
    }

    fn lock(&self) -> MutexGuard<'_, Lost> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
