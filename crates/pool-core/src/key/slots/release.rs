//! How a slot comes back.

use super::{
    super::sync::{MutexGuard, lock},
    queue::Called,
    ready::{Entry, Way},
    slots::Slots,
    state::{Phase, Released, State},
    types::{Caller, Claim, Fate, HitCounts, Member, Moment, Origin, ReleaseOutcome, Served, Slot},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// A slot comes back. Where it would go to a waiter, `claim` decides whether its member is closed
    /// instead.
    #[inline(always)]
    pub(crate) fn release(
        &self,
        mut slot: Slot<M, T>,
        fate: Fate,
        claim: impl Fn(&M) -> Claim,
    ) -> ReleaseOutcome<M> {
        let is_around = slot.origin == Origin::Around && self.shortcut.is_open_to(&slot.member);
        if is_around && fate == Fate::Keep {
            self.tally.end_turn(slot.acquired_at.nanos());
            let late = self.shortcut.put_back(slot.member, slot.alive_at);
            let Some((member, alive_at)) = late else {
                return ReleaseOutcome::Ready;
            };
            slot = Slot {
                member,
                alive_at,
                origin: Origin::Late,
                ..slot
            };
        }
        self.release_locked(slot, fate, claim)
    }

    #[inline(never)]
    fn release_locked(
        &self,
        mut slot: Slot<M, T>,
        fate: Fate,
        claim: impl Fn(&M) -> Claim,
    ) -> ReleaseOutcome<M> {
        let mut state = lock(&self.state);
        self.close_shortcut(&mut state);
        let was_out = self.came_back(&mut state, &mut slot, fate);
        state.last_used = state.last_used.max(slot.acquired_at);
        let stale = slot.member.generation() != self.generation() || state.phase != Phase::Open;
        if fate != Fate::Keep || stale || !state.draining.is_empty() {
            let released = state.release(slot, fate, self.generation(), &claim);
            self.show(&mut state);
            return self.deliver(state, released, &claim);
        }
        if state.waiting > 0 {
            let claimed = claim(&slot.member);
            if let (Claim::Own, false) = (claimed, was_out)
                && let Some(called) = state.call(Origin::Found)
            {
                self.show_passed_on(&state);
                slot.origin = Origin::Found;
                return self.pass_on(state, slot, called, &claim);
            }
            let released = state.claimed(slot, claimed);
            self.show(&mut state);
            return self.deliver(state, released, &claim);
        }
        state.in_use -= 1;
        if slot.member.slots() != 1 || was_out {
            state.entry(slot);
            self.show(&mut state);
            return ReleaseOutcome::Ready;
        }
        let (member, alive_at) = (slot.member, slot.alive_at);
        state.ready.push(Entry {
            member,
            used: 0,
            alive_at,
        });
        self.tally.gave_back(state.last_used.nanos());
        self.open_shortcut(&mut state);
        ReleaseOutcome::Ready
    }

    #[inline(always)]
    fn show_passed_on(&self, state: &State<M, W, T>) {
        let HitCounts { hits, misses } = state.hit_counts;
        let last_used = state.last_used.nanos();
        self.tally
            .passed_on([hits, misses], last_used, state.waiting);
    }

    /// Ends the lock, and gives the slot to the waiter that it goes to, if it goes to one.
    #[inline(never)]
    fn deliver(
        &self,
        state: MutexGuard<'_, State<M, W, T>>,
        released: Released<M, W, T>,
        claim: &dyn Fn(&M) -> Claim,
    ) -> ReleaseOutcome<M> {
        match released {
            Released::Done(outcome) => outcome,
            Released::PassedOn(slot, called) => self.pass_on(state, slot, called, claim),
        }
    }

    /// Ends the lock, and gives the slot to the waiter. Its cell is not touched under the lock, whose next owner does
    /// not need it.
    #[inline(always)]
    fn pass_on(
        &self,
        state: MutexGuard<'_, State<M, W, T>>,
        slot: Slot<M, T>,
        called: Called<M, W, T>,
        claim: &dyn Fn(&M) -> Claim,
    ) -> ReleaseOutcome<M> {
        let is_settled = !state.wants_connect();
        drop(state);
        match called.cell.put(slot) {
            Ok(newer) => ReleaseOutcome::Handover(Served {
                waker: newer.unwrap_or(called.waker),
                is_settled,
            }),
            Err(slot) => self.pass_on_again(slot, claim),
        }
    }

    /// The waiter has left between the lock and its slot.
    #[cold]
    fn pass_on_again(&self, slot: Slot<M, T>, claim: &dyn Fn(&M) -> Claim) -> ReleaseOutcome<M> {
        self.release_locked(slot, Fate::Undelivered, claim)
    }

    /// Notes that a member comes back under the lock which was taken around it.
    #[inline]
    fn came_back(&self, state: &mut State<M, W, T>, slot: &mut Slot<M, T>, fate: Fate) -> bool {
        let was_out = state.way == Way::out(slot.member.id());
        if was_out {
            state.way = Way::CLOSED;
            self.tally
                .settle_turn(!matches!(fate, Fate::Undelivered | Fate::Unfit));
            // The turn was the hit.
            slot.origin = Origin::Late;
        }
        was_out
    }
}

impl<M: Member, W: Caller, T: Moment> State<M, W, T> {
    /// Puts a slot back among the ready ones.
    #[inline(always)]
    pub(super) fn entry(&mut self, slot: Slot<M, T>) {
        let Slot {
            member, alive_at, ..
        } = slot;
        let slots = member.slots();
        let found = if slots == 1 {
            None
        } else {
            self.ready.position(member.id())
        };
        let Some(entry) = found.and_then(|index| self.ready.get_mut(index)) else {
            // It was full, or it would be among the ready ones.
            self.ready.push(Entry {
                member,
                used: slots - 1,
                alive_at,
            });
            return;
        };
        entry.used -= 1;
        entry.alive_at = entry.alive_at.max(alive_at);
    }
}
