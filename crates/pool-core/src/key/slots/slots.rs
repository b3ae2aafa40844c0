//! The slots of one key: taking, waiting and releasing.

use std::collections::VecDeque;

use super::{
    super::sync::{Mutex, MutexGuard, lock},
    state::{QueuedWaiter, State},
    types::{
        Enqueued, Fate, HitCounts, Likely, Member, QueuePosition, ReleaseOutcome, Slot, Taken,
    },
};

/// The sessions and waiters of one key.
pub(crate) struct Slots<M, W, T> {
    pub(super) max: usize,
    state: Mutex<State<M, W, T>>,
}

impl<M: Member, W: Clone, T: Copy + Ord> Slots<M, W, T> {
    /// A key without sessions that may have `max` of them, which are probably like this.
    pub(crate) fn new(max: usize, likely: Likely, now: T) -> Self {
        let state = State {
            ready: Vec::new(),
            draining: Vec::new(),
            waiters: VecDeque::new(),
            open: 0,
            connecting: 0,
            in_use: 0,
            generation: 0,
            removed: false,
            likely,
            last_used: now,
            watched: None,
            hit_counts: HitCounts::default(),
        };
        Self {
            max,
            state: Mutex::new(state),
        }
    }

    /// A slot of the most recently used member that has one free.
    #[inline(always)]
    pub(crate) fn take(&self) -> Taken<M, T> {
        let mut state = self.lock();
        if state.removed {
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
        if state.removed {
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
            wants_connect: state.wants_connect(self.max),
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

    /// A slot comes back.
    #[inline(always)]
    pub(crate) fn release(&self, slot: Slot<M, T>, fate: Fate) -> ReleaseOutcome<M, W, T> {
        let mut state = self.lock();
        state.last_used = state.last_used.max(slot.acquired_at);
        let stale = slot.member.generation() != state.generation || state.removed;
        let undisturbed = state.waiters.is_empty() && state.draining.is_empty();
        if fate == Fate::Keep && !stale && undisturbed {
            state.in_use -= 1;
            state.entry(slot);
            return ReleaseOutcome::Ready;
        }
        state.release(slot, fate, self.max)
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, State<M, W, T>> {
        lock(&self.state)
    }
}
