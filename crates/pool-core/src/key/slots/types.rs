//! What goes into the state machine of a key, and what comes out.

/// How often a key was has_connect, and how it was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HitCounts {
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
    pub(crate) acquired_at: T,
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

/// What the next member of a key is likely to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Likely {
    /// How many slots it has.
    pub(crate) slots: u32,
    /// Whether it is all that the key needs; also while that is not known.
    pub(crate) suffices: bool,
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
    Removed,
}

/// What became of a request to stand in line.
#[derive(Debug)]
pub(crate) enum Enqueued<M, T> {
    /// A slot came free in between.
    Slot(Slot<M, T>),
    /// In line.
    InQueue {
        /// Whether a connect is to be begun for somebody in line.
        wants_connect: bool,
        /// Whether the line is to be looked at by this waiter's deadline, with
        /// [`expire`](super::Slots::expire); otherwise somebody does so before.
        watch: bool,
    },
    /// The key was forgotten; ask the pool for its successor.
    Removed,
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
pub(crate) enum ReleaseOutcome<M, W, T> {
    /// Nothing: it is ready for the next one.
    Ready,
    /// Others still use the member that is to be closed.
    Draining,
    /// It goes to this waiter; if the waiter is gone, give it back again.
    Handover(W, Slot<M, T>),
    /// Close the member. `wanted` says that somebody waits for the place that has come free.
    Close {
        /// The member, which has left the key.
        member: M,
        /// Whether a connect is wanted now.
        wanted: bool,
    },
}

/// What is left of a key that was ended.
pub(crate) struct ClosedKey<M, W> {
    /// Those who were in line.
    pub(crate) waiters: Vec<W>,
    /// Members that nobody uses; they have left the key.
    pub(crate) unused: Vec<M>,
    pub(crate) hit_counts: HitCounts,
}

/// A point-in-time count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Whether the key was forgotten.
    pub(crate) removed: bool,
    /// Slots in use.
    pub(crate) in_use: usize,
    /// Members that nobody uses.
    pub(crate) idle: usize,
    /// Members that somebody uses.
    pub(crate) busy: usize,
    pub(crate) connecting: usize,
    pub(crate) waiting: usize,
    pub(crate) hit_counts: HitCounts,
}

/// Whether a waiter goes to the head of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueuePosition {
    Front,
    Back,
}

/// Whom a connect fails that ended without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Only the caller whose credentials were used.
    Caller,
    /// Everybody who joined the connect.
    Endpoint,
    /// Nobody: the connect was not wanted any more.
    None,
}

impl HitCounts {
    pub(super) fn take_back(&mut self, origin: Origin) {
        if origin == Origin::Found {
            self.hits -= 1;
        }
    }

    pub(super) fn count(&mut self, origin: Origin) {
        match origin {
            Origin::Opened => self.misses += 1,
            Origin::Found => self.hits += 1,
        }
    }
}

/// A session, as far as its slots are concerned.
pub(crate) trait Member: Clone {
    /// Tells it from every other member.
    fn id(&self) -> u64;
    /// How many may use it at the same time. At least 1.
    fn slots(&self) -> u32;
    /// The generation of the key in which it was opened.
    fn generation(&self) -> u64;
    /// Whether it is all that its key needs, however many calls there are.
    fn suffices(&self) -> bool;
}
