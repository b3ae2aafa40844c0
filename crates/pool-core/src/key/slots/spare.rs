//! Members that no caller uses: opened ahead, and checked.

use super::{
    ready::Entry,
    slots::Slots,
    state::{Phase, State},
    types::{Caller, Member, Moment, Origin, Slot},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// True while fewer than `least` members have a free slot, and the limit allows another one.
    pub(crate) fn wants_spare(&self, least: usize) -> bool {
        self.lock().wants_spare(least)
    }

    /// Reserves the connect of a member that no caller waits for, if one is wanted. `true` must be
    /// followed by [`admit`](Self::admit) or [`abandon`](Self::abandon).
    pub(crate) fn begin_spare(&self, least: usize) -> bool {
        let mut state = self.lock();
        let is_wanted = state.wants_spare(least);
        if is_wanted {
            state.open += 1;
            state.connecting += 1;
        }
        is_wanted
    }

    /// A slot of an unused member that `is_due` selects, for a check: it counts neither as a hit nor as a
    /// use of the key.
    pub(crate) fn take_due(&self, mut is_due: impl FnMut(&M, T) -> bool) -> Option<Slot<M, T>> {
        let mut state = self.lock();
        if state.is_removed() {
            return None;
        }
        let index = state
            .ready
            .iter()
            .position(|entry| entry.used == 0 && is_due(&entry.member, entry.alive_at))?;
        let Entry {
            member, alive_at, ..
        } = state.ready.remove(index)?;
        state.in_use += 1;
        if member.slots() > 1 {
            let entry = Entry {
                member: member.clone(),
                used: 1,
                alive_at,
            };
            state.ready.insert(index, entry);
        }
        Some(Slot {
            member,
            alive_at,
            acquired_at: state.last_used,
            origin: Origin::Checked,
        })
    }

    /// The earliest of what `due` returns for the unused members.
    pub(crate) fn first_due(&self, due: impl Fn(&M, T) -> T) -> Option<T> {
        let state = self.lock();
        let unused = state.ready.iter().filter(|entry| entry.used == 0);
        unused.map(|entry| due(&entry.member, entry.alive_at)).min()
    }
}

impl<M: Member, W: Caller, T: Moment> State<M, W, T> {
    fn wants_spare(&self, least: usize) -> bool {
        let has_enough = self.likely.suffices && self.open > self.draining.len();
        self.phase == Phase::Open
            && self.waiting == 0
            && self.open < self.max
            && self.ready.len() + self.connecting < least
            && !has_enough
            && !self.is_paused()
    }
}
