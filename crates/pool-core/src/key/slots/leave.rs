//! How members leave a key, and how a key ends.

use super::{
    ready::{Entry, Way},
    slots::Slots,
    state::{Draining, Phase},
    types::{Caller, ClosedKey, FORFEITED, HitCounts, Member, Moment},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// Takes out the unused members that `doomed` points at; each leaves the key.
    pub(crate) fn evict_unused(&self, mut doomed: impl FnMut(&M, T) -> bool) -> Vec<M> {
        let mut state = self.lock();
        let goes = |entry: &Entry<M, T>| entry.used == 0 && doomed(&entry.member, entry.alive_at);
        let out = state.ready.extract(goes);
        state.open -= out.len();
        out.into_iter().map(|entry| entry.member).collect()
    }

    /// Takes out the unused member that proved alive the longest ago, of those that may go.
    pub(crate) fn take_oldest(&self, may_go: impl Fn(&M) -> bool) -> Option<M> {
        let mut state = self.lock();
        let unused = |entry: &&Entry<M, T>| entry.used == 0 && may_go(&entry.member);
        let oldest = state
            .ready
            .iter()
            .filter(unused)
            .min_by_key(|entry| entry.alive_at)?;
        let index = state.ready.position(oldest.member.id())?;
        let entry = state.ready.remove(index)?;
        state.open -= 1;
        Some(entry.member)
    }

    /// Evicts a member. Returns it if it is unused.
    pub(crate) fn evict_one(&self, id: u64) -> Option<M> {
        let mut state = self.lock();
        let index = state.ready.position(id)?;
        let entry = state.ready.remove(index)?;
        if entry.used > 0 {
            state.draining.push(Draining::of(entry));
            return None;
        }
        state.open -= 1;
        Some(entry.member)
    }

    /// Takes out a member under its users, with all its slots. Returns whether a waiter needs a connect
    /// now; `None` when it is unused or has left the key. What its users give back afterwards is nothing.
    pub(crate) fn forfeit(&self, member: &M) -> Option<bool> {
        let mut state = self.lock();
        if member.generation() == FORFEITED {
            return None;
        }
        let used = state.take_used(member)?;
        member.forfeit();
        if state.way == Way::out(member.id()) {
            state.way = Way::CLOSED;
            self.tally.settle_turn(true);
        }
        state.in_use -= used as usize;
        state.open -= 1;
        Some(state.wants_connect())
    }

    /// Begins a new generation: no member opened before is handed out again. Returns the unused
    /// members, and whether a waiter needs a connect now; the other members are closed when their last
    /// slot is released.
    pub(crate) fn begin_generation(&self) -> (Vec<M>, bool) {
        let mut state = self.lock();
        let unused = self.next_generation(&mut state);
        (unused, state.wants_connect())
    }

    /// Removes the key if it has no user, no connect and no waiter, and was not used after
    /// `unless_used_since`. Returns its idle members and its counts.
    pub(crate) fn remove(&self, unless_used_since: Option<T>) -> Option<(Vec<M>, HitCounts)> {
        let mut state = self.lock();
        let busy = state.in_use + state.connecting + state.waiting + state.draining.len();
        let recent = unless_used_since.is_some_and(|since| state.last_used > since);
        if state.is_removed() || busy > 0 || recent {
            return None;
        }
        state.phase = Phase::Removed;
        let entries = state.ready.take().into_iter();
        let members: Vec<M> = entries.map(|entry| entry.member).collect();
        state.open -= members.len();
        let counts = self.hit_counts(&state);
        Some((members, counts))
    }

    /// Closes the key, also while it is in use: takes every waiter out of the queue and every
    /// unused member out of the key. A member in use is closed when its last slot is released.
    /// `None` when the key was removed or closed before.
    pub(crate) fn close(&self, error: impl Fn(&W) -> W::Error) -> Option<ClosedKey<M>> {
        let mut state = self.lock();
        if state.is_removed() {
            return None;
        }
        state.phase = Phase::Removed;
        let unused = self.next_generation(&mut state);
        Some(ClosedKey {
            wakers: state.fail_waiting(false, error),
            unused,
            hit_counts: self.hit_counts(&state),
        })
    }
}
