//! The slots of one key: taking, waiting and releasing.

use std::collections::VecDeque;

use super::{
    super::sync::{Mutex, MutexGuard, lock},
    state::{Entry, Phase, QueuedWaiter, State, position},
    types::{
        Enqueued, Fate, HitCounts, Likely, Member, Origin, QueuePosition, ReleaseOutcome, Slot,
        Taken,
    },
};

/// The sessions and waiters of one key.
pub(crate) struct Slots<M, W, T> {
    state: Mutex<State<M, W, T>>,
}

impl<M: Member, W: Clone, T: Copy + Ord> Slots<M, W, T> {
    /// A key without sessions that may have `max` of them, which are probably like this.
    pub(crate) fn new(max: usize, likely: Likely, now: T) -> Self {
        let state = State {
            ready: Vec::new(),
            draining: Vec::new(),
            waiters: VecDeque::new(),
            max,
            open: 0,
            connecting: 0,
            in_use: 0,
            generation: 0,
            phase: Phase::Open,
            likely,
            last_used: now,
            watched: None,
            hit_counts: HitCounts::default(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// A slot of the most recently used member that has one free.
    #[inline(always)]
    pub(crate) fn take(&self) -> Taken<M, T> {
        let mut state = self.lock();
        if state.phase == Phase::Removed {
            return Taken::Removed;
        }
        state.take_ready().map_or(Taken::None, Taken::Slot)
    }

    /// Queues a waiter; at the front where it lost its turn to an unfit session.
    pub(crate) fn enqueue(
        &self,
        id: u64,
        waiter: W,
        position: QueuePosition,
        deadline: T,
    ) -> Enqueued<M, T> {
        let mut state = self.lock();
        if state.is_removed() {
            return Enqueued::Removed;
        }
        if let Some(slot) = state.take_ready() {
            return Enqueued::Slot(slot);
        }
        let waiting = QueuedWaiter {
            id,
            waiter,
            has_connect: false,
            deadline,
        };
        match position {
            QueuePosition::Front => state.waiters.push_front(waiting),
            QueuePosition::Back => state.waiters.push_back(waiting),
        }
        let watch = state.watched.is_none_or(|watched| deadline < watched);
        if watch {
            state.watched = Some(deadline);
        }
        Enqueued::InQueue {
            wants_connect: state.wants_connect(),
            watch,
        }
    }

    /// Leaves the queue, served or not.
    pub(crate) fn leave(&self, id: u64) {
        self.lock().waiters.retain(|waiting| waiting.id != id);
    }

    /// Takes those out of the queue whose deadline has passed. Returns them and the next deadline.
    pub(crate) fn expire(&self, now: T) -> (Vec<W>, Option<T>) {
        let mut state = self.lock();
        let mut late = Vec::new();
        state.waiters.retain(|waiting| {
            let waits = waiting.deadline > now;
            if !waits {
                late.push(waiting.waiter.clone());
            }
            waits
        });
        state.watched = state.waiters.iter().map(|waiting| waiting.deadline).min();
        (late, state.watched)
    }

    /// A slot comes back. Where it would go to a waiter, `is_surplus` decides whether its member is
    /// closed instead, since the limit over all keys was lowered.
    #[inline(always)]
    pub(crate) fn release(
        &self,
        slot: Slot<M, T>,
        fate: Fate,
        is_surplus: impl FnOnce() -> bool,
    ) -> ReleaseOutcome<M, W, T> {
        let mut state = self.lock();
        state.last_used = state.last_used.max(slot.acquired_at);
        let stale = slot.member.generation() != state.generation || state.phase != Phase::Open;
        let undisturbed = state.waiters.is_empty() && state.draining.is_empty();
        if fate == Fate::Keep && !stale && undisturbed {
            state.in_use -= 1;
            state.entry(slot);
            return ReleaseOutcome::Ready;
        }
        state.release(slot, fate, is_surplus)
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, State<M, W, T>> {
        lock(&self.state)
    }
}

/// What most acquires and releases do under the lock.
impl<M: Member, W, T: Copy + Ord> State<M, W, T> {
    #[inline(always)]
    pub(super) fn take_ready(&mut self) -> Option<Slot<M, T>> {
        let entry = self.ready.last_mut()?;
        entry.used += 1;
        self.in_use += 1;
        self.hit_counts.hits += 1;
        let alive_at = entry.alive_at;
        let member = if entry.used >= entry.member.slots() {
            self.ready.pop()?.member
        } else {
            entry.member.clone()
        };
        Some(Slot {
            member,
            alive_at,
            acquired_at: alive_at,
            origin: Origin::Found,
        })
    }

    pub(super) fn wants_connect(&self) -> bool {
        let likely_served = self.connecting.saturating_mul(self.likely.slots as usize);
        let has_enough = self.likely.suffices && self.open > self.draining.len();
        !self.is_removed()
            && self.open < self.max
            && !has_enough
            && likely_served < self.waiters.len()
    }

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
            position(&self.ready, member.id())
        };
        let Some(index) = found else {
            // It was full, or it would be among the ready ones.
            self.ready.push(Entry {
                member,
                used: slots - 1,
                alive_at,
            });
            return;
        };
        let entry = &mut self.ready[index];
        entry.used -= 1;
        entry.alive_at = entry.alive_at.max(alive_at);
    }
}
