//! What can be read off a key.

use super::{
    super::sync::lock,
    slots::Slots,
    types::{Caller, Counts, Member, Moment},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// True once the key was removed.
    pub(crate) fn is_removed(&self) -> bool {
        lock(&self.state).is_removed()
    }

    /// The earliest of the ends of the members that are ready.
    pub(crate) fn first_end(&self, end: impl Fn(&M) -> T) -> Option<T> {
        self.lock()
            .ready
            .iter()
            .map(|entry| end(&entry.member))
            .min()
    }

    /// True while a slot is in use.
    pub(crate) fn is_in_use(&self) -> bool {
        self.lock().in_use > 0
    }

    /// When a session of the key was last used.
    pub(crate) fn last_used(&self) -> T {
        self.lock().last_used
    }

    /// How many members the key may have.
    pub(crate) fn max(&self) -> usize {
        lock(&self.state).max
    }

    /// How many slots of each member are in use. A member that is not listed has all of them in use.
    pub(crate) fn usage(&self) -> Vec<(u64, u32)> {
        let state = self.lock();
        let ready = state.ready.iter().map(|it| (it.member.id(), it.used));
        let draining = state.draining.iter().map(|it| (it.member.id(), it.used));
        ready.chain(draining).collect()
    }

    /// A view of the callers that wait, `most` at most, in the order in which they are served.
    pub(crate) fn waiters<R>(&self, most: usize, view: impl Fn(&W) -> R) -> Vec<R> {
        let state = self.lock();
        let queue = state.queue.iter();
        let cells = queue.flat_map(|queue| queue.cells()).take(most);
        let views = cells.filter_map(|cell| cell.with_caller(|caller| view(caller)));
        views.collect()
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
            paused: state.is_paused(),
            hit_counts: self.hit_counts(&state),
        }
    }
}
