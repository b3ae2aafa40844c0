//! The slots of one key: taking, waiting and releasing.

use std::ops::{Deref, DerefMut};

use thin_vec::ThinVec;

use super::{
    super::sync::{
        AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, Sessions, Tally, TallyReading, lock,
    },
    ready::{Entry, Ready},
    state::{Phase, State},
    types::{
        Caller, Claim, Fate, HitCounts, Likely, Member, Moment, Origin, ReleaseOutcome, Slot, Taken,
    },
};

/// The sessions and waiters of one key. The state comes last, since what a hit needs of it comes first there.
#[repr(C)]
pub(crate) struct Slots<M, W: Caller, T> {
    /// The generation, to be read without the lock.
    generation: AtomicU64,
    /// The counts, to be read without the lock.
    pub(super) tally: Tally,
    /// Whether a member was ready when the lock was released last. A caller that is to wait then takes
    /// the lock once.
    has_ready: AtomicBool,
    pub(super) state: Mutex<State<M, W, T>>,
}

/// The state under its lock. Dropped, it shows its counts, and whether a member is ready.
pub(super) struct Locked<'s, M: Member, W: Caller, T: Moment> {
    state: MutexGuard<'s, State<M, W, T>>,
    slots: &'s Slots<M, W, T>,
}

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// A key without sessions that may have `max` of them, which are probably like this.
    pub(crate) fn new(max: usize, likely: Likely, tally: Tally, now: T) -> Self {
        let state = State {
            ready: Ready::default(),
            draining: ThinVec::new(),
            queue: None,
            next_ticket: 0,
            waiting: 0,
            max,
            open: 0,
            connecting: 0,
            in_use: 0,
            generation: 0,
            phase: Phase::Open,
            likely,
            last_used: now,
            paused_until: None,
            watched: None,
            hit_counts: HitCounts::default(),
        };
        Self {
            state: Mutex::new(state),
            has_ready: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            tally,
        }
    }

    /// A slot of the most recently used member that has one free.
    #[inline(always)]
    pub(crate) fn take(&self) -> Taken<M, T> {
        // No order is needed: whoever knows of a member that was ready before sees it here.
        if !self.has_ready.load(Ordering::Relaxed) {
            return Taken::None;
        }
        let mut state = lock(&self.state);
        if state.phase == Phase::Removed {
            return Taken::Removed;
        }
        // Most members have one slot. It is passed on in registers.
        if state
            .ready
            .last()
            .is_none_or(|entry| entry.member.slots() != 1)
        {
            let slot = state.take_ready();
            self.show(&state);
            return slot.map_or(Taken::None, Taken::Slot);
        }
        let Some(Entry {
            member, alive_at, ..
        }) = state.ready.pop()
        else {
            return Taken::None;
        };
        state.in_use += 1;
        state.hit_counts.hits += 1;
        self.tally.took_idle(state.hit_counts.hits);
        self.show_ready(&state);
        Taken::Slot(Slot {
            member,
            alive_at,
            acquired_at: alive_at,
            origin: Origin::Found,
        })
    }

    /// A slot comes back. Where it would go to a waiter, `claim` decides whether its member is closed
    /// instead.
    #[inline(always)]
    pub(crate) fn release(
        &self,
        slot: Slot<M, T>,
        fate: Fate,
        claim: impl FnOnce(&M) -> Claim,
    ) -> ReleaseOutcome<M> {
        let mut state = lock(&self.state);
        state.last_used = state.last_used.max(slot.acquired_at);
        let stale = slot.member.generation() != state.generation || state.phase != Phase::Open;
        let undisturbed = state.waiting == 0 && state.draining.is_empty();
        if fate == Fate::Keep && !stale && undisturbed {
            state.in_use -= 1;
            if slot.member.slots() != 1 {
                state.entry(slot);
                self.show(&state);
                return ReleaseOutcome::Ready;
            }
            let (member, alive_at) = (slot.member, slot.alive_at);
            state.ready.push(Entry {
                member,
                used: 0,
                alive_at,
            });
            self.tally.gave_back(state.last_used.nanos());
            self.show_ready(&state);
            return ReleaseOutcome::Ready;
        }
        let outcome = state.release(slot, fate, claim);
        match outcome {
            ReleaseOutcome::Handover(_) => {
                let HitCounts { hits, misses } = state.hit_counts;
                let last_used = state.last_used.nanos();
                self.tally
                    .passed_on([hits, misses], last_used, state.waiting);
            }
            _ => self.show(&state),
        }
        outcome
    }

    /// The generation that a member opened now belongs to.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Begins a new generation. Takes out the unused members.
    pub(super) fn next_generation(&self, state: &mut State<M, W, T>) -> Vec<M> {
        let unused = state.begin_generation();
        self.generation.store(state.generation, Ordering::Relaxed);
        unused
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, M, W, T> {
        Locked {
            state: lock(&self.state),
            slots: self,
        }
    }

    /// Shows the counts to those who read them without the lock.
    #[inline(never)]
    pub(super) fn show(&self, state: &State<M, W, T>) {
        self.show_ready(state);
        if state.is_removed() {
            return self.tally.clear();
        }
        let idle = state.idle();
        self.tally.set(&TallyReading {
            name: 0,
            hits: state.hit_counts.hits,
            misses: state.hit_counts.misses,
            last_used: state.last_used.nanos(),
            sessions: Sessions {
                idle,
                busy: state.open - state.connecting - idle,
                connecting: state.connecting,
                waiting: state.waiting,
            },
            in_use: state.in_use,
        });
    }

    #[inline(always)]
    fn show_ready(&self, state: &State<M, W, T>) {
        let has_ready = !state.ready.is_empty();
        self.has_ready.store(has_ready, Ordering::Relaxed);
    }
}

impl<M: Member, W: Caller, T: Moment> Deref for Locked<'_, M, W, T> {
    type Target = State<M, W, T>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl<M: Member, W: Caller, T: Moment> DerefMut for Locked<'_, M, W, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.state
    }
}

impl<M: Member, W: Caller, T: Moment> Drop for Locked<'_, M, W, T> {
    #[inline]
    fn drop(&mut self) {
        self.slots.show(&self.state);
    }
}

/// What most acquires and releases do under the lock.
impl<M: Member, W: Caller, T: Moment> State<M, W, T> {
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
            && !self.is_paused()
            && likely_served < self.waiting
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
