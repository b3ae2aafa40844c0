//! The way around the lock, for the member that is used next.

use super::super::{
    super::sync::{AtomicU64, Ordering, Swap},
    types::{Member, Moment},
};

/// The way around the lock, for the most recently used member where it has one slot: the member is taken
/// and put back by one atomic exchange each. It is open only while a release does what most do: no caller
/// waits, and no member is to be closed.
///
/// Who takes the member out owns the count of turns. Who has the lock and is to know of every member
/// [closes](Self::close) the way first, which shows where the member is. One who took the member or put it
/// back meanwhile finds the way closed, since both have exchanged the same cell, and goes on under the lock.
pub(in super::super) struct Shortcut<M> {
    /// Twice the generation of the key, and one more while the way is closed.
    word: AtomicU64,
    /// The member, while the way is open and no caller has it.
    member: Swap<M>,
    /// When the member last proved alive, in nanoseconds. Written by its owner.
    alive_at: AtomicU64,
}

/// What the state knows of the way around its lock, in one word. No id of a member is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Way(u64);

impl Way {
    /// Every member is known to the state.
    pub(in super::super) const CLOSED: Self = Self(0);

    /// The member with this id is in the shortcut, or a caller has taken it from there.
    pub(in super::super) fn open(id: u64) -> Self {
        Self(id * 2 + OPEN)
    }

    /// True while the way is open.
    #[inline]
    pub(in super::super) fn is_open(self) -> bool {
        self.0 % 2 == OPEN
    }

    /// The way is closed, and the caller that took the member with this id has not put it back yet.
    #[inline]
    pub(in super::super) fn out(id: u64) -> Self {
        Self(id * 2)
    }

    /// The same way, closed while a caller has the member.
    pub(in super::super) fn closed(self) -> Self {
        Self(self.0 & !OPEN)
    }

    /// How many members are in the shortcut or were taken from there.
    pub(in super::super) fn members(self) -> usize {
        usize::from(self != Self::CLOSED)
    }
}

impl<M: Member> Shortcut<M> {
    /// The closed way of a key in its first generation.
    pub(in super::super) fn new() -> Self {
        Self {
            word: AtomicU64::new(CLOSED),
            member: Swap::default(),
            alive_at: AtomicU64::new(0),
        }
    }

    /// The generation that a member opened now belongs to.
    #[inline]
    pub(in super::super) fn generation(&self) -> u64 {
        self.word.load(Ordering::Relaxed) / ONE_GENERATION
    }

    /// Begins the next generation, while the way is closed. The caller has the lock.
    pub(in super::super) fn begin_generation(&self) {
        let word = self.word.load(Ordering::Relaxed) + ONE_GENERATION;
        self.word.store(word, Ordering::Relaxed);
    }

    /// Takes the member out, and when it last proved alive. The way may be closed meanwhile.
    #[inline(always)]
    pub(in super::super) fn take<T: Moment>(&self) -> Option<(M, T)> {
        if self.word.load(Ordering::Relaxed) & CLOSED != 0 {
            return None;
        }
        self.take_out()
    }

    /// True while the way is open to the owner of this member.
    #[inline(always)]
    pub(in super::super) fn is_open_to(&self, member: &M) -> bool {
        self.is_open_in(member.generation())
    }

    /// Puts the member back. Returns a member that is to be given back under the lock, where the way was
    /// closed meanwhile.
    #[inline(always)]
    pub(in super::super) fn put_back<T: Moment>(&self, member: M, alive_at: T) -> Option<(M, T)> {
        let generation = member.generation();
        self.put(member, alive_at);
        match self.is_open_in(generation) {
            true => None,
            // Who has closed the way has the member, or does not know that it is here.
            false => self.take_out(),
        }
    }

    /// Opens the way to a member that is unused. The caller has the lock.
    pub(in super::super) fn open<T: Moment>(&self, member: M, alive_at: T) {
        let word = self.word.load(Ordering::Relaxed) & !CLOSED;
        self.word.store(word, Ordering::Relaxed);
        self.put(member, alive_at);
    }

    /// Closes the way. Returns the member, unless a caller has it. The caller has the lock.
    pub(in super::super) fn close<T: Moment>(&self) -> Option<(M, T)> {
        let word = self.word.load(Ordering::Relaxed);
        self.word.store(word | CLOSED, Ordering::Relaxed);
        self.take_out()
    }

    // No load of the word needs an order: the exchange before it has it.
    #[inline(always)]
    fn is_open_in(&self, generation: u64) -> bool {
        self.word.load(Ordering::Relaxed) == generation.wrapping_mul(ONE_GENERATION)
    }

    #[inline(always)]
    fn take_out<T: Moment>(&self) -> Option<(M, T)> {
        let member = self.member.exchange(None)?;
        let alive_at = self.alive_at.load(Ordering::Relaxed);
        Some((member, T::of_nanos(alive_at)))
    }

    #[inline(always)]
    fn put<T: Moment>(&self, member: M, alive_at: T) {
        self.alive_at.store(alive_at.nanos(), Ordering::Relaxed);
        let before = self.member.exchange(Some(member));
        debug_assert!(before.is_none(), "one member at most uses the shortcut");
    }
}

/// Set in a [`Way`] that is open, and in the word of a shortcut that is closed.
const OPEN: u64 = 1;
const CLOSED: u64 = 1;
const ONE_GENERATION: u64 = 2;
