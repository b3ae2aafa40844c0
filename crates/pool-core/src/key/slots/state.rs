//! What is under the lock of a key.

use std::collections::VecDeque;

use super::types::{Fate, HitCounts, Likely, Member, Origin, ReleaseOutcome, Slot};

/// What is under the lock. `T` is a point in time.
pub(super) struct State<M, W, T> {
    /// Members with a free slot, the most recently used last.
    pub(super) ready: Vec<Entry<M, T>>,
    /// Members that are closed once their last slot is released.
    pub(super) draining: Vec<Draining<M>>,
    pub(super) waiters: VecDeque<QueuedWaiter<W, T>>,
    /// How many members the key may have.
    pub(super) max: usize,
    pub(super) open: usize,
    pub(super) connecting: usize,
    pub(super) in_use: usize,
    pub(super) generation: u64,
    pub(super) phase: Phase,
    /// What the newest member was: how many waiters a connect is likely to serve.
    pub(super) likely: Likely,
    pub(super) last_used: T,
    /// The next deadline for which a sweep is planned.
    pub(super) watched: Option<T>,
    pub(super) hit_counts: HitCounts,
}

/// The phase of a key. One byte answers a hit whether the key was removed, and its release whether
/// anything but the usual is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// The limit was lowered, and there may be more members than it allows.
    Shrinking,
    Removed,
}

/// A member that is closed once its last slot is released.
pub(super) struct Draining<M> {
    pub(super) member: M,
    pub(super) used: u32,
    /// True when it is closed because a limit was lowered.
    pub(super) is_surplus: bool,
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
    pub(super) fn is_removed(&self) -> bool {
        self.phase == Phase::Removed
    }

    /// How many members and connects there are above the limit. A member that drains is none of
    /// them, since it leaves by itself.
    pub(super) fn surplus(&self) -> usize {
        let staying = self.open - self.draining.len();
        staying.saturating_sub(self.max)
    }

    /// Takes back a slot, whatever has become of the key meanwhile.
    #[inline(never)]
    pub(super) fn release(
        &mut self,
        slot: Slot<M, T>,
        fate: Fate,
        is_surplus: impl FnOnce() -> bool,
    ) -> ReleaseOutcome<M, W, T> {
        if matches!(fate, Fate::Undelivered | Fate::Unfit) {
            self.hit_counts.take_back(slot.origin);
        }
        let stale = slot.member.generation() != self.generation;
        if matches!(fate, Fate::Discard | Fate::Unfit) || stale || self.is_removed() {
            return self.retire_slot(slot, false);
        }
        if let Some(index) = self.position_draining(slot.member.id()) {
            return self.release_draining(index);
        }
        if self.has_surplus() || is_surplus() {
            return self.retire_slot(slot, true);
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

    /// Begins a new generation. Takes out the unused members.
    pub(super) fn begin_generation(&mut self) -> Vec<M> {
        self.generation += 1;
        let (unused, used): (Vec<_>, Vec<_>) = std::mem::take(&mut self.ready)
            .into_iter()
            .partition(|entry| entry.used == 0);
        self.draining.extend(used.into_iter().map(Entry::drain));
        self.open -= unused.len();
        unused.into_iter().map(|entry| entry.member).collect()
    }

    /// Takes back a slot of a member that is not to be used again.
    fn retire_slot<X>(&mut self, slot: Slot<M, T>, is_surplus: bool) -> ReleaseOutcome<M, X, T> {
        let id = slot.member.id();
        if let Some(index) = position(&self.ready, id) {
            let entry = self.ready.remove(index);
            self.draining.push(Draining {
                is_surplus,
                ..entry.drain()
            });
        }
        let index = self.position_draining(id).unwrap_or_else(|| {
            let used = slot.member.slots();
            self.draining.push(Draining {
                member: slot.member,
                used,
                is_surplus,
            });
            self.draining.len() - 1
        });
        self.release_draining(index)
    }

    /// True while there are more members than the limit allows. The phase ends with the surplus.
    fn has_surplus(&mut self) -> bool {
        if self.phase == Phase::Shrinking && self.surplus() == 0 {
            self.phase = Phase::Open;
        }
        self.phase == Phase::Shrinking
    }

    fn position_draining(&self, id: u64) -> Option<usize> {
        let mut members = self.draining.iter().map(|draining| &draining.member);
        members.position(|member| member.id() == id)
    }

    fn release_draining<X>(&mut self, index: usize) -> ReleaseOutcome<M, X, T> {
        self.in_use -= 1;
        let entry = &mut self.draining[index];
        entry.used -= 1;
        if entry.used > 0 {
            return ReleaseOutcome::Draining;
        }
        let Draining {
            member, is_surplus, ..
        } = self.draining.swap_remove(index);
        self.open -= 1;
        ReleaseOutcome::Close {
            member,
            wanted: self.wants_connect(),
            is_surplus,
        }
    }
}

impl<M, T> Entry<M, T> {
    /// The member, to be closed once its last slot is released.
    pub(super) fn drain(self) -> Draining<M> {
        Draining {
            member: self.member,
            used: self.used,
            is_surplus: false,
        }
    }
}

/// Where a member sits.
pub(super) fn position<M: Member, T>(entries: &[Entry<M, T>], id: u64) -> Option<usize> {
    entries.iter().position(|entry| entry.member.id() == id)
}
