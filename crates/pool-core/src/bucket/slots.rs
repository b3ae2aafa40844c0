//! The state machine of one key: which sessions it has, who uses them, who waits.
//!
//! Synchronous and free of I/O, clocks and tokio: every method takes the one lock, changes the
//! state, and says what is to be done outside of it. The lock comes from [`super::sync`], so that
//! a model checker can put its own in place.
//!
//! At every instant, under the lock: `open` is the number of places taken under the limit, which
//! are the members (idle, in use, draining) plus the connects under way; and whoever waits, waits
//! only while no slot is ready.

use std::collections::VecDeque;

use super::sync::{Mutex, MutexGuard};

/// A session, as far as its slots are concerned.
pub(crate) trait Member: Clone {
    /// Tells it from every other member.
    fn id(&self) -> u64;
    /// How many may use it at the same time. At least 1.
    fn slots(&self) -> u32;
    /// The generation of the key in which it was opened.
    fn generation(&self) -> u64;
}

/// The sessions and waiters of one key.
pub(crate) struct Slots<M, W, T> {
    max: usize,
    state: Mutex<State<M, W, T>>,
}

/// What is under the lock. `T` is a point in time.
struct State<M, W, T> {
    /// Members with a free slot, the most recently used last.
    ready: Vec<Seat<M, T>>,
    /// Members that are closed once their last user lets go of them.
    draining: Vec<Seat<M, T>>,
    waiters: VecDeque<Waiting<W>>,
    open: usize,
    connecting: usize,
    in_use: usize,
    generation: u64,
    dead: bool,
    /// How many slots the newest member had: how many waiters a connect is likely to serve.
    slots_hint: u32,
    last_used: T,
    tally: Tally,
}

/// A member and how many use it.
struct Seat<M, T> {
    member: M,
    used: u32,
    /// When it last proved alive.
    alive_at: T,
}

struct Waiting<W> {
    id: u64,
    waiter: W,
    /// Whether a connect is under way for this waiter's sake.
    asked: bool,
}

/// How often a key was asked, and how it was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Served by a session that was there.
    pub(crate) hits: u64,
    /// Served by a session that had to be opened, or not served because that failed.
    pub(crate) misses: u64,
}

/// One slot of a member, in somebody's hands.
#[derive(Debug)]
pub(crate) struct Slot<M, T> {
    pub(crate) member: M,
    /// When the member last proved alive.
    pub(crate) alive_at: T,
    /// When somebody last wanted it.
    pub(crate) wanted_at: T,
    pub(crate) origin: Origin,
}

/// How the holder of a slot came by it. As wide as the rest of a [`Slot`]: one that is passed on
/// word by word is passed on faster than one with a lone byte in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Origin {
    /// The member was there.
    Found,
    /// The member was opened for whoever holds the slot.
    Opened,
}

/// Somebody in line, and the slot that is theirs now.
pub(crate) type Served<M, W, T> = (W, Slot<M, T>);

/// What became of a request for a slot.
#[derive(Debug)]
pub(crate) enum Taken<M, T> {
    /// Here it is.
    Slot(Slot<M, T>),
    /// None is free.
    None,
    /// The key was forgotten; ask the pool for its successor.
    Dead,
}

/// What became of a request to stand in line.
#[derive(Debug)]
pub(crate) enum Joined<M, T> {
    /// A slot came free in between.
    Slot(Slot<M, T>),
    /// In line.
    Waiting,
    /// The key was forgotten; ask the pool for its successor.
    Dead,
}

/// In which condition a slot comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Fit for the next one.
    Keep,
    /// Not to be handed out again.
    Discard,
    /// As [`Fate::Keep`], and nobody got to use it: whoever waited for it is gone.
    Undelivered,
    /// As [`Fate::Discard`], and nobody got to use it: it was found unfit before.
    Unfit,
}

/// What is to be done after a slot came back.
#[derive(Debug)]
pub(crate) enum Returned<M, W, T> {
    /// Nothing: it is ready for the next one.
    Ready,
    /// Others still use the member that is to be closed.
    Draining,
    /// It goes to this waiter; if the waiter is gone, give it back again.
    HandOver(W, Slot<M, T>),
    /// Close the member. `wanted` says that somebody waits for the place that has come free.
    Close {
        /// The member, which has left the key.
        member: M,
        /// Whether a connect is wanted now.
        wanted: bool,
    },
}

/// A point-in-time count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Slots in use.
    pub(crate) in_use: usize,
    /// Members that nobody uses.
    pub(crate) idle: usize,
    /// Members that somebody uses.
    pub(crate) busy: usize,
    pub(crate) connecting: usize,
    pub(crate) waiting: usize,
    pub(crate) tally: Tally,
}

impl<M: Member, W: Clone, T: Copy + Ord> Slots<M, W, T> {
    /// A key without sessions that may have `max` of them, of probably `slots_hint` slots each.
    pub(crate) fn new(max: usize, slots_hint: u32, now: T) -> Self {
        let state = State {
            ready: Vec::new(),
            draining: Vec::new(),
            waiters: VecDeque::new(),
            open: 0,
            connecting: 0,
            in_use: 0,
            generation: 0,
            dead: false,
            slots_hint,
            last_used: now,
            tally: Tally::default(),
        };
        Self {
            max,
            state: Mutex::new(state),
        }
    }

    /// A slot of the most recently used member that has one free.
    #[inline]
    pub(crate) fn take(&self) -> Taken<M, T> {
        let mut state = self.lock();
        if state.dead {
            return Taken::Dead;
        }
        state.take_ready().map_or(Taken::None, Taken::Slot)
    }

    /// Stands in line, at its head if the place was lost through no fault of the waiter's.
    pub(crate) fn join(&self, id: u64, waiter: W, at_head: AtHead) -> Joined<M, T> {
        let mut state = self.lock();
        if state.dead {
            return Joined::Dead;
        }
        if let Some(slot) = state.take_ready() {
            return Joined::Slot(slot);
        }
        let waiting = Waiting {
            id,
            waiter,
            asked: false,
        };
        match at_head {
            AtHead::Yes => state.waiters.push_front(waiting),
            AtHead::No => state.waiters.push_back(waiting),
        }
        Joined::Waiting
    }

    /// Leaves the line, served or not.
    pub(crate) fn leave(&self, id: u64) {
        self.lock().waiters.retain(|waiting| waiting.id != id);
    }

    /// Takes a place for a connect, if one is wanted and there is room. Returns the waiter for
    /// whose sake it is. Every `Some` must be followed by [`admit`](Self::admit) or
    /// [`abandon`](Self::abandon).
    pub(crate) fn begin_connect(&self) -> Option<(u64, W)> {
        let mut state = self.lock();
        if !state.wants_connect(self.max) {
            return None;
        }
        state.open += 1;
        state.connecting += 1;
        let index = state
            .waiters
            .iter()
            .position(|waiting| !waiting.asked)
            .unwrap_or(0);
        let waiting = &mut state.waiters[index];
        waiting.asked = true;
        Some((waiting.id, waiting.waiter.clone()))
    }

    /// Whether anybody is in line.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.lock().waiters.is_empty()
    }

    /// The generation that a member opened now belongs to.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// A connect succeeded: serves the line, and keeps what is left ready. Whoever cannot be
    /// reached gives the slot back with [`give_back`](Self::give_back).
    ///
    /// # Errors
    /// The member, when it came too late: its generation was retired meanwhile.
    pub(crate) fn admit(&self, member: M, now: T) -> Result<Vec<Served<M, W, T>>, M> {
        let mut state = self.lock();
        state.connecting -= 1;
        if state.dead || member.generation() != state.generation {
            state.open -= 1;
            return Err(member);
        }
        state.slots_hint = member.slots();
        let mut served = Vec::new();
        while served.len() < member.slots() as usize
            && let Some(waiting) = state.waiters.pop_front()
        {
            let origin = match served.is_empty() {
                true => Origin::Opened,
                false => Origin::Found,
            };
            state.tally.count(origin);
            served.push((
                waiting.waiter,
                Slot {
                    member: member.clone(),
                    alive_at: now,
                    wanted_at: now,
                    origin,
                },
            ));
        }
        state.in_use += served.len();
        let used = u32::try_from(served.len()).unwrap_or(u32::MAX);
        if used < member.slots() {
            state.ready.push(Seat {
                member,
                used,
                alive_at: now,
            });
        }
        Ok(served)
    }

    /// A connect ended without a session. Returns the waiters it fails: the one who asked for it,
    /// if still in line, and under [`Blame::Endpoint`] all those who joined it.
    pub(crate) fn abandon(&self, asker: u64, blame: Blame) -> Vec<W> {
        let mut state = self.lock();
        state.connecting -= 1;
        state.open -= 1;
        let joined = state.slots_hint > 1 && blame == Blame::Endpoint;
        let mut failed = Vec::new();
        state.waiters.retain(|waiting| {
            let fails = match blame {
                Blame::Nobody => false,
                Blame::Caller | Blame::Endpoint => {
                    waiting.id == asker || (joined && !waiting.asked)
                }
            };
            if fails {
                failed.push(waiting.waiter.clone());
            }
            !fails
        });
        state.tally.misses += failed.len() as u64;
        failed
    }

    /// A slot comes back.
    #[inline]
    pub(crate) fn give_back(&self, slot: Slot<M, T>, fate: Fate) -> Returned<M, W, T> {
        let mut state = self.lock();
        state.last_used = state.last_used.max(slot.wanted_at);
        let stale = slot.member.generation() != state.generation || state.dead;
        let undisturbed = state.waiters.is_empty() && state.draining.is_empty();
        if fate == Fate::Keep && !stale && undisturbed {
            state.in_use -= 1;
            state.seat(slot);
            return Returned::Ready;
        }
        state.give_back(slot, fate, self.max)
    }

    /// Takes out the unused members that `doomed` points at; each leaves the key.
    pub(crate) fn weed(&self, mut doomed: impl FnMut(&M, T) -> bool) -> Vec<M> {
        let mut state = self.lock();
        let mut out = Vec::new();
        state.ready.retain(|seat| {
            let goes = seat.used == 0 && doomed(&seat.member, seat.alive_at);
            if goes {
                out.push(seat.member.clone());
            }
            !goes
        });
        state.open -= out.len();
        out
    }

    /// Takes out the unused member that proved alive the longest ago.
    pub(crate) fn take_oldest(&self) -> Option<M> {
        let mut state = self.lock();
        let unused = |seat: &&Seat<M, T>| seat.used == 0;
        let oldest = state
            .ready
            .iter()
            .filter(unused)
            .min_by_key(|seat| seat.alive_at)?;
        let index = position(&state.ready, oldest.member.id())?;
        state.open -= 1;
        Some(state.ready.remove(index).member)
    }

    /// Sees to it that a member is not handed out again. Returns it if nobody uses it.
    pub(crate) fn expel(&self, id: u64) -> Option<M> {
        let mut state = self.lock();
        let index = position(&state.ready, id)?;
        let seat = state.ready.remove(index);
        if seat.used > 0 {
            state.draining.push(seat);
            return None;
        }
        state.open -= 1;
        Some(seat.member)
    }

    /// Begins a new generation: nothing opened before is handed out again. Returns the members that
    /// nobody uses; the others are closed when their last user lets go.
    pub(crate) fn retire(&self) -> Vec<M> {
        let mut state = self.lock();
        state.generation += 1;
        let (unused, used): (Vec<_>, Vec<_>) = std::mem::take(&mut state.ready)
            .into_iter()
            .partition(|seat| seat.used == 0);
        state.draining.extend(used);
        state.open -= unused.len();
        unused.into_iter().map(|seat| seat.member).collect()
    }

    /// Forgets the key if nobody uses, opens or awaits a session of it and it was last used before
    /// `unless_used_since`. Returns its idle members and its tally.
    pub(crate) fn bury(&self, unless_used_since: Option<T>) -> Option<(Vec<M>, Tally)> {
        let mut state = self.lock();
        let busy = state.in_use + state.connecting + state.waiters.len() + state.draining.len();
        let recent = unless_used_since.is_some_and(|since| state.last_used > since);
        if state.dead || busy > 0 || recent {
            return None;
        }
        state.dead = true;
        let members: Vec<M> = std::mem::take(&mut state.ready)
            .into_iter()
            .map(|seat| seat.member)
            .collect();
        state.open -= members.len();
        Some((members, state.tally))
    }

    /// Ends the key, whoever uses it: takes everybody out of the line and every unused member out
    /// of the key. What is in use is closed when its last user lets go.
    pub(crate) fn shut(&self) -> (Vec<W>, Vec<M>) {
        let unused = self.retire();
        let mut state = self.lock();
        state.dead = true;
        let waiters = std::mem::take(&mut state.waiters);
        (
            waiters.into_iter().map(|waiting| waiting.waiter).collect(),
            unused,
        )
    }

    /// Whether the key was forgotten.
    pub(crate) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// The earliest of the ends of the members that are ready.
    pub(crate) fn first_end(&self, end: impl Fn(&M) -> T) -> Option<T> {
        self.lock().ready.iter().map(|seat| end(&seat.member)).min()
    }

    /// When a session of the key was last used.
    pub(crate) fn last_used(&self) -> T {
        self.lock().last_used
    }

    /// How many members the key may have.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn counts(&self) -> Counts {
        let state = self.lock();
        let idle = state.ready.iter().filter(|seat| seat.used == 0).count();
        Counts {
            in_use: state.in_use,
            idle,
            busy: state.open - state.connecting - idle,
            connecting: state.connecting,
            waiting: state.waiters.len(),
            tally: state.tally,
        }
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, State<M, W, T>> {
        super::sync::lock(&self.state)
    }
}

/// Whether a waiter goes to the head of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtHead {
    Yes,
    No,
}

/// Whom a connect fails that ended without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Only the caller whose credentials were used.
    Caller,
    /// Everybody who joined the connect.
    Endpoint,
    /// Nobody: the connect was not wanted any more.
    Nobody,
}

impl<M: Member, W, T: Copy + Ord> State<M, W, T> {
    #[inline]
    fn take_ready(&mut self) -> Option<Slot<M, T>> {
        let seat = self.ready.last_mut()?;
        seat.used += 1;
        self.in_use += 1;
        self.tally.hits += 1;
        let alive_at = seat.alive_at;
        let member = if seat.used >= seat.member.slots() {
            self.ready.pop()?.member
        } else {
            seat.member.clone()
        };
        Some(Slot {
            member,
            alive_at,
            wanted_at: alive_at,
            origin: Origin::Found,
        })
    }

    fn wants_connect(&self, max: usize) -> bool {
        let likely_served = self.connecting.saturating_mul(self.slots_hint as usize);
        !self.dead && self.open < max && likely_served < self.waiters.len()
    }

    /// Takes back a slot, whatever has become of the key meanwhile.
    #[inline(never)]
    fn give_back(&mut self, slot: Slot<M, T>, fate: Fate, max: usize) -> Returned<M, W, T> {
        if matches!(fate, Fate::Undelivered | Fate::Unfit) {
            self.tally.take_back(slot.origin);
        }
        let stale = slot.member.generation() != self.generation;
        if matches!(fate, Fate::Discard | Fate::Unfit) || stale || self.dead {
            return self.retire_slot(slot, max);
        }
        if let Some(index) = position(&self.draining, slot.member.id()) {
            return self.release_draining(index, max);
        }
        if let Some(waiting) = self.waiters.pop_front() {
            self.tally.hits += 1;
            let slot = Slot {
                origin: Origin::Found,
                ..slot
            };
            return Returned::HandOver(waiting.waiter, slot);
        }
        self.in_use -= 1;
        self.seat(slot);
        Returned::Ready
    }

    /// Puts a slot back among the ready ones.
    #[inline]
    fn seat(&mut self, slot: Slot<M, T>) {
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
            self.ready.push(Seat {
                member,
                used: slots - 1,
                alive_at,
            });
            return;
        };
        let seat = &mut self.ready[index];
        seat.used -= 1;
        seat.alive_at = seat.alive_at.max(alive_at);
    }

    /// Takes back a slot of a member that is not to be used again.
    fn retire_slot<X>(&mut self, slot: Slot<M, T>, max: usize) -> Returned<M, X, T> {
        let id = slot.member.id();
        if let Some(index) = position(&self.ready, id) {
            let seat = self.ready.remove(index);
            self.draining.push(seat);
        }
        let index = position(&self.draining, id).unwrap_or_else(|| {
            let used = slot.member.slots();
            self.draining.push(Seat {
                member: slot.member,
                used,
                alive_at: slot.alive_at,
            });
            self.draining.len() - 1
        });
        self.release_draining(index, max)
    }

    fn release_draining<X>(&mut self, index: usize, max: usize) -> Returned<M, X, T> {
        self.in_use -= 1;
        let seat = &mut self.draining[index];
        seat.used -= 1;
        if seat.used > 0 {
            return Returned::Draining;
        }
        let member = self.draining.swap_remove(index).member;
        self.open -= 1;
        Returned::Close {
            member,
            wanted: self.wants_connect(max),
        }
    }
}

impl Tally {
    fn take_back(&mut self, origin: Origin) {
        if origin == Origin::Found {
            self.hits -= 1;
        }
    }

    fn count(&mut self, origin: Origin) {
        match origin {
            Origin::Opened => self.misses += 1,
            Origin::Found => self.hits += 1,
        }
    }
}

fn position<M: Member, T>(seats: &[Seat<M, T>], id: u64) -> Option<usize> {
    seats.iter().position(|seat| seat.member.id() == id)
}
