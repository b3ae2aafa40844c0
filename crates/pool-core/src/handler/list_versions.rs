//! The versions of a server's lists, as the sessions of one key know them.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use once_cell::race::OnceBox;

use super::list_kind::ListKind;

/// The versions of a server's lists, as the sessions of one key know them. No two versions of any key
/// are equal.
pub(crate) struct ListVersions {
    /// The first version of each.
    first: u64,
    /// Made for the first change, which most keys never get to know of.
    changed: OnceBox<Changed>,
}

/// The versions of lists of which at least one has changed.
struct Changed {
    /// The lists whose change is about to be delivered to the handler, a bit for each.
    pending: AtomicU8,
    /// By kind.
    lists: [AtomicU64; 3],
    /// The version of the contents of all resources.
    contents: AtomicU64,
}

impl ListVersions {
    /// No change yet. `version` is the first version of each.
    pub(crate) fn new(version: u64) -> Self {
        Self {
            first: version,
            changed: OnceBox::new(),
        }
    }

    /// The version of a list.
    pub(crate) fn of(&self, list: ListKind) -> u64 {
        let changed = self.changed.get();
        changed.map_or(self.first, |changed| {
            changed.lists[list as usize].load(Ordering::Acquire)
        })
    }

    /// The version of the contents of resources.
    pub(crate) fn contents(&self) -> u64 {
        let changed = self.changed.get();
        changed.map_or(self.first, |changed| {
            changed.contents.load(Ordering::Acquire)
        })
    }

    /// Sets the version of a list after a change. A change of the list of resources may be one of
    /// their contents.
    pub(crate) fn set(&self, list: ListKind, version: u64) {
        self.changed().lists[list as usize].store(version, Ordering::Release);
        if list == ListKind::Resources {
            self.set_contents(version);
        }
    }

    /// Sets the version of the contents of resources after a change of one.
    pub(crate) fn set_contents(&self, version: u64) {
        self.changed().contents.store(version, Ordering::Release);
    }

    /// Begins the delivery of a change. `false` when one is pending already.
    pub(crate) fn begin_delivery(&self, list: ListKind) -> bool {
        let pending = &self.changed().pending;
        pending.fetch_or(list.bit(), Ordering::AcqRel) & list.bit() == 0
    }

    /// Ends the delivery: a change from now on is another one.
    pub(crate) fn end_delivery(&self, list: ListKind) {
        let pending = &self.changed().pending;
        pending.fetch_and(!list.bit(), Ordering::AcqRel);
    }

    fn changed(&self) -> &Changed {
        let first = || AtomicU64::new(self.first);
        self.changed.get_or_init(|| {
            Box::new(Changed {
                pending: AtomicU8::new(0),
                lists: std::array::from_fn(|_| first()),
                contents: first(),
            })
        })
    }
}
