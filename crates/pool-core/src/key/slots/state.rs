//! What is under the lock of a key.

use std::collections::VecDeque;

use super::types::{Fate, HitCounts, Likely, Member, Origin, ReleaseOutcome, Slot};

/// What is under the lock. `T` is a point in time.
pub(super) struct State<M, W, T> {
    /// Members with a free slot, the most recently used last.
    pub(super) ready: Vec<Entry<M, T>>,
    /// Members that are closed once their last slot is released.
    pub(super) draining: Vec<Entry<M, T>>,
    pub(super) waiters: VecDeque<QueuedWaiter<W, T>>,
    pub(super) open: usize,
    pub(super) connecting: usize,
    pub(super) in_use: usize,
    pub(super) generation: u64,
    pub(super) removed: bool,
    /// What the newest member was: how many waiters a connect is likely to serve.
    pub(super) likely: Likely,
    pub(super) last_used: T,
    /// The next deadline for which a sweep is planned.
    pub(super) watched: Option<T>,
    pub(super) hit_counts: HitCounts,
}

/// A member and how many use it.
pub(super) struct Entry<M, T> {
    pub(super) member: M,
    pub(super) used: u32,
    /// When it last proved alive.
    pub(super) alive_at: T,
}

pub(super) struct QueuedWaiter<W, T> {
    pub(super) id: u64,
    pub(super) waiter: W,
    /// Whether a connect is under way for this waiter's sake.
    pub(super) has_connect: bool,
    /// The deadline of the waiter.
    pub(super) deadline: T,
}

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

    pub(super) fn wants_connect(&self, max: usize) -> bool {
        let likely_served = self.connecting.saturating_mul(self.likely.slots as usize);
        let has_enough = self.likely.suffices && self.open > self.draining.len();
        !self.removed && self.open < max && !has_enough && likely_served < self.waiters.len()
    }

    /// Takes back a slot, whatever has become of the key meanwhile.
    #[inline(never)]
    pub(super) fn release(
        &mut self,
        slot: Slot<M, T>,
        fate: Fate,
        max: usize,
    ) -> ReleaseOutcome<M, W, T> {
        if matches!(fate, Fate::Undelivered | Fate::Unfit) {
            self.hit_counts.take_back(slot.origin);
        }
        let stale = slot.member.generation() != self.generation;
        if matches!(fate, Fate::Discard | Fate::Unfit) || stale || self.removed {
            return self.retire_slot(slot, max);
        }
        if let Some(index) = position(&self.draining, slot.member.id()) {
            return self.release_draining(index, max);
        }
        if let Some(waiting) = self.waiters.pop_front() {
            self.hit_counts.hits += 1;
            let slot = Slot {
                origin: Origin::Found,
                ..slot
            };
            return ReleaseOutcome::Handover(waiting.waiter, slot);
        }
        self.in_use -= 1;
        self.entry(slot);
        ReleaseOutcome::Ready
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

    /// Begins a new generation. Takes out the unused members.
    pub(super) fn begin_generation(&mut self) -> Vec<M> {
        self.generation += 1;
        let (unused, used): (Vec<_>, Vec<_>) = std::mem::take(&mut self.ready)
            .into_iter()
            .partition(|entry| entry.used == 0);
        self.draining.extend(used);
        self.open -= unused.len();
        unused.into_iter().map(|entry| entry.member).collect()
    }

    /// Takes back a slot of a member that is not to be used again.
    fn retire_slot<X>(&mut self, slot: Slot<M, T>, max: usize) -> ReleaseOutcome<M, X, T> {
        let id = slot.member.id();
        if let Some(index) = position(&self.ready, id) {
            let entry = self.ready.remove(index);
            self.draining.push(entry);
        }
        let index = position(&self.draining, id).unwrap_or_else(|| {
            let used = slot.member.slots();
            self.draining.push(Entry {
                member: slot.member,
                used,
                alive_at: slot.alive_at,
            });
            self.draining.len() - 1
        });
        self.release_draining(index, max)
    }

    fn release_draining<X>(&mut self, index: usize, max: usize) -> ReleaseOutcome<M, X, T> {
        self.in_use -= 1;
        let entry = &mut self.draining[index];
        entry.used -= 1;
        if entry.used > 0 {
            return ReleaseOutcome::Draining;
        }
        let member = self.draining.swap_remove(index).member;
        self.open -= 1;
        ReleaseOutcome::Close {
            member,
            wanted: self.wants_connect(max),
        }
    }
}

/// Where a member sits.
pub(super) fn position<M: Member, T>(entries: &[Entry<M, T>], id: u64) -> Option<usize> {
    entries.iter().position(|entry| entry.member.id() == id)
}
