//! The slots of one key: taking, waiting and releasing.

use std::ops::{Deref, DerefMut};

use thin_vec::ThinVec;

use super::{
    super::sync::{AtomicBool, Mutex, MutexGuard, Ordering, Sessions, Tally, TallyReading, lock},
    ready::{Entry, Ready, Shortcut, Way},
    state::{Phase, State},
    types::{Caller, HitCounts, Likely, Member, Moment, Origin, Slot},
};

/// The sessions and waiters of one key. What a hit needs comes first.
#[repr(C)]
pub(crate) struct Slots<M, W: Caller, T> {
    pub(super) shortcut: Shortcut<M>,
    /// The counts, to be read without the lock.
    pub(super) tally: Tally,
    /// Whether the state had a member that was ready when the lock was released last. A caller that is to
    /// wait then takes the lock once.
    has_ready: AtomicBool,
    pub(super) state: Mutex<State<M, W, T>>,
}

/// The state under its lock, which knows of every member. Dropped, it shows its counts, and whether a member
/// is ready.
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
            phase: Phase::Open,
            way: Way::CLOSED,
            likely,
            last_used: now,
            paused_until: None,
            watched: None,
            hit_counts: HitCounts::default(),
        };
        Self {
            shortcut: Shortcut::new(),
            state: Mutex::new(state),
            has_ready: AtomicBool::new(false),
            tally,
        }
    }

    /// A slot of the most recently used member that has one free; a [late](Origin::Late) one is given back.
    pub(crate) fn take(&self) -> Option<Slot<M, T>> {
        match self.take_around() {
            None if self.has_ready() => self.take_locked(),
            taken => taken,
        }
    }

    /// The most recently used member, taken around the lock; a [late](Origin::Late) slot is given back.
    #[inline(always)]
    pub(crate) fn take_around(&self) -> Option<Slot<M, T>> {
        let (member, alive_at) = self.shortcut.take()?;
        let origin = match self.shortcut.is_open_to(&member) {
            true => {
                self.tally.begin_turn();
                Origin::Around
            }
            false => Origin::Late,
        };
        Some(Slot {
            member,
            alive_at,
            acquired_at: alive_at,
            origin,
        })
    }

    /// Whether a member is ready under the lock.
    #[inline(always)]
    pub(crate) fn has_ready(&self) -> bool {
        // No order is needed: whoever knows of a member that was ready before sees it here.
        self.has_ready.load(Ordering::Relaxed)
    }

    fn take_locked(&self) -> Option<Slot<M, T>> {
        let mut state = lock(&self.state);
        // Most members have one slot. It is passed on in registers.
        if state
            .ready
            .last()
            .is_none_or(|entry| entry.member.slots() != 1)
        {
            let slot = state.take_ready();
            self.show(&mut state);
            return slot;
        }
        let Entry {
            member, alive_at, ..
        } = state.ready.pop()?;
        state.in_use += 1;
        state.hit_counts.hits += 1;
        self.tally.took_idle(state.hit_counts.hits);
        self.show_ready(&state);
        Some(Slot {
            member,
            alive_at,
            acquired_at: alive_at,
            origin: Origin::Found,
        })
    }

    /// Has the state know of every member.
    #[inline(always)]
    pub(super) fn close_shortcut(&self, state: &mut State<M, W, T>) {
        if state.way.is_open() {
            self.close_open_shortcut(state);
        }
    }

    #[inline(never)]
    fn close_open_shortcut(&self, state: &mut State<M, W, T>) {
        let used = T::of_nanos(self.tally.last_used());
        state.last_used = state.last_used.max(used);
        let Some((member, alive_at)) = self.shortcut.close() else {
            state.way = state.way.closed();
            state.in_use += 1;
            return;
        };
        state.way = Way::CLOSED;
        state.ready.push(Entry {
            member,
            used: 0,
            alive_at,
        });
    }

    /// How often the key was requested a slot, and how it was served.
    pub(super) fn hit_counts(&self, state: &State<M, W, T>) -> HitCounts {
        HitCounts {
            hits: state.hit_counts.hits + self.tally.hits_of_turns(),
            ..state.hit_counts
        }
    }

    /// The generation that a member opened now belongs to.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.shortcut.generation()
    }

    /// Begins a new generation. Takes out the unused members.
    pub(super) fn next_generation(&self, state: &mut State<M, W, T>) -> Vec<M> {
        self.shortcut.begin_generation();
        state.begin_generation()
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, M, W, T> {
        let mut state = lock(&self.state);
        self.close_shortcut(&mut state);
        Locked { state, slots: self }
    }

    /// Opens the way around the lock where that is possible, and shows the counts to those who read them
    /// without the lock.
    #[inline(never)]
    pub(super) fn show(&self, state: &mut State<M, W, T>) {
        self.open_shortcut(state);
        if state.is_removed() {
            return self.tally.clear();
        }
        // What was taken around the lock is idle here, and in use by its turn.
        let around = state.way.members();
        let known_in_use = state.in_use + usize::from(state.way.is_open());
        let idle = state.idle() + around;
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
            in_use: known_in_use - around,
        });
    }

    /// Opens the way around the lock where that is possible, and shows whether a member is ready.
    #[inline(always)]
    pub(super) fn open_shortcut(&self, state: &mut State<M, W, T>) {
        if let Some(entry) = state.pop_calm() {
            state.way = Way::open(entry.member.id());
            self.shortcut.open(entry.member, entry.alive_at);
        }
        self.show_ready(state);
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
        self.slots.show(&mut self.state);
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
}
