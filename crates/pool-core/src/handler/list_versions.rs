//! The versions of a server's lists, as the sessions of one key know them.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::list_kind::ListKind;

/// The versions of a server's lists, as the sessions of one key know them.
pub(crate) struct ListVersions {
    /// The lists whose change is about to be delivered to the handler, a bit for each.
    pending: AtomicU8,
    /// The version of the tool list. No two versions of any key are equal.
    tools: AtomicU64,
}

impl ListVersions {
    /// No change yet. `version` is the first version of the tool list.
    pub(crate) fn new(version: u64) -> Self {
        Self {
            pending: AtomicU8::new(0),
            tools: AtomicU64::new(version),
        }
    }

    /// The version of the tool list.
    pub(crate) fn tools(&self) -> u64 {
        self.tools.load(Ordering::Acquire)
    }

    /// Sets the version of the tool list after a change.
    pub(crate) fn set_tools(&self, version: u64) {
        self.tools.store(version, Ordering::Release);
    }

    /// Begins the delivery of a change. `false` when one is pending already.
    pub(crate) fn begin_delivery(&self, list: ListKind) -> bool {
        self.pending.fetch_or(list.bit(), Ordering::AcqRel) & list.bit() == 0
    }

    /// Ends the delivery: a change from now on is another one.
    pub(crate) fn end_delivery(&self, list: ListKind) {
        self.pending.fetch_and(!list.bit(), Ordering::AcqRel);
    }
}
