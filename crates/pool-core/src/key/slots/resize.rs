//! Another limit for a key in use.

use super::{
    slots::Slots,
    state::{Draining, Phase, State},
    types::{Caller, Member, Moment, Resized, Retired},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// Changes how many members the key may have. Takes out the unused members above the limit, the
    /// least recently used first. A member in use above it is closed when its last slot is released.
    pub(crate) fn resize(&self, max: usize) -> Resized<M> {
        let mut state = self.lock();
        state.max = max;
        let close = state.take_unused_surplus();
        state.drain_used_surplus();
        if state.phase != Phase::Removed {
            state.phase = match state.surplus() {
                0 => Phase::Open,
                _ => Phase::Shrinking,
            };
        }
        Resized {
            close,
            wanted: state.wants_connect(),
        }
    }
}

impl<M: Member, W: Caller, T: Moment> State<M, W, T> {
    /// Takes the unused members above the limit out of the key.
    fn take_unused_surplus(&mut self) -> Vec<M> {
        let mut surplus = self.surplus();
        // The least recently used member is the first.
        let taken = self.ready.extract(|entry| {
            let goes = surplus > 0 && entry.used == 0;
            surplus -= usize::from(goes);
            goes
        });
        self.open -= taken.len();
        taken.into_iter().map(|entry| entry.member).collect()
    }

    /// Hands out the members above the limit no more, as far as they have a free slot. The others are
    /// known only when a slot of theirs comes back.
    fn drain_used_surplus(&mut self) {
        let mut count = self.surplus();
        let surplus = self.ready.extract(|_| {
            let goes = count > 0;
            count = count.saturating_sub(1);
            goes
        });
        self.draining
            .extend(surplus.into_iter().map(|entry| Draining {
                retired: Retired::Surplus,
                ..Draining::of(entry)
            }));
    }
}
