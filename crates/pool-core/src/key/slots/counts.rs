//! What can be read off a key.

use super::{
    slots::Slots,
    types::{Caller, Counts, Member, Moment},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// True once the key was removed.
    pub(crate) fn is_removed(&self) -> bool {
        self.lock().is_removed()
    }

    /// The earliest of the ends of the members that are ready.
    pub(crate) fn first_end(&self, end: impl Fn(&M) -> T) -> Option<T> {
        self.lock()
            .ready
            .iter()
            .map(|entry| end(&entry.member))
            .min()
    }

    /// When a session of the key was last used.
    pub(crate) fn last_used(&self) -> T {
        self.lock().last_used
    }

    /// How many members the key may have.
    pub(crate) fn max(&self) -> usize {
        self.lock().max
    }

    pub(crate) fn counts(&self) -> Counts {
        let state = self.lock();
        let idle = state.idle();
        Counts {
            removed: state.is_removed(),
            in_use: state.in_use,
            idle,
            busy: state.open - state.connecting - idle,
            connecting: state.connecting,
            waiting: state.waiting,
            hit_counts: state.hit_counts,
        }
    }
}
