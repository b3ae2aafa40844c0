//! What goes into the state machine of a key, and what comes out.

use std::task::Waker;

use super::super::sync::{Place, Sessions};

/// How often a key was requested a slot, and how it was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HitCounts {
    /// Served by a session that was there.
    pub(crate) hits: u64,
    /// Served by a session that had to be opened, or not served because that failed.
    pub(crate) misses: u64,
}

/// One slot of a member, owned by a caller.
#[derive(Debug)]
pub(crate) struct Slot<M, T> {
    pub(crate) member: M,
    /// When the member last proved alive.
    pub(crate) alive_at: T,
    /// When the member was last acquired.
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
    /// The member was there, and was taken around the lock.
    Around,
    /// The member was opened for the owner of the slot.
    Opened,
    /// The member was there, and no caller gets the slot: it is checked.
    Checked,
    /// The member was taken while its key changed, and no caller gets the slot: it is to be given back.
    Late,
}

/// What the next member of a key is likely to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Likely {
    /// How many slots it has.
    pub(crate) slots: u32,
    /// Whether it is all that the key needs; also while that is not known.
    pub(crate) suffices: bool,
}

/// A waiter, by its place in memory. It names no other waiter once that one has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(super) Place);

/// A caller that waits for a slot.
pub(crate) trait Caller {
    /// Why it gets none.
    type Error;
}

/// What a caller that waits gets in the end.
pub(crate) type Grant<M, W, T> = Result<Slot<M, T>, <W as Caller>::Error>;

/// The result of an attempt to queue.
#[derive(Debug)]
pub(crate) enum Enqueued<M, T> {
    /// A slot came free in between.
    Slot(Slot<M, T>),
    /// The waiter is queued.
    InQueue {
        ticket: Ticket,
        /// True when a waiter needs a connect.
        wants_connect: bool,
        /// True when the queue needs an [`expire`](super::Slots::expire) by this waiter's deadline;
        /// otherwise an earlier one is planned.
        watch: bool,
    },
    /// So many are ahead already that no other may wait.
    Full,
    /// The key was removed; the pool has or makes a successor.
    Removed,
}

/// In which condition a slot comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Fit for the next one.
    Keep,
    /// Not to be handed out again.
    Discard,
    /// As [`Fate::Keep`], and not used: the waiter left before it got the slot.
    Undelivered,
    /// As [`Fate::Discard`], and not used: a check found it unfit.
    Unfit,
}

/// What is to be done after a slot came back.
#[derive(Debug)]
pub(crate) enum ReleaseOutcome<M> {
    /// Nothing: it is ready for the next one.
    Ready,
    /// Others still use the member that is to be closed, or it has left the key already. `wanted` is
    /// true when a waiter needs a connect in its place.
    Draining { wanted: bool },
    /// It went to a waiter, which is to be woken.
    Handover(Served),
    /// Close the member. `wanted` is true when a waiter needs a connect in its place.
    Close {
        /// The member, which has left the key.
        member: M,
        /// Whether a connect is wanted now.
        wanted: bool,
        retired: Retired,
    },
}

/// A waiter that has its grant.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) waker: Waker,
    /// True when no waiter needs a connect any more.
    pub(crate) is_settled: bool,
}

/// Why a member is not used again after its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retired {
    /// For the reason of its last user.
    AsUsed,
    /// A limit was lowered.
    Surplus,
    /// Its place goes to another key, which has less than its share.
    Yielded,
}

/// Whether a member whose slot comes back serves the waiters of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Its own key keeps it.
    Own,
    /// The limit over all keys was lowered.
    Surplus,
    /// Another key is entitled to its place.
    Rival,
}

/// Waiters that have got an error, or have left.
pub(crate) struct Left {
    pub(crate) wakers: Vec<Waker>,
    /// True when no waiter needs a connect any more.
    pub(crate) is_settled: bool,
}

/// Waiters whose deadline has passed.
pub(crate) struct Expired<T> {
    pub(crate) left: Left,
    /// The next deadline.
    pub(crate) next: Option<T>,
}

/// What is to be done after the limit of a key was changed.
pub(crate) struct Resized<M> {
    /// The unused members above the limit, which have left the key.
    pub(crate) close: Vec<M>,
    /// Whether a waiter needs a connect, which the limit now allows.
    pub(crate) wanted: bool,
}

/// What is left of a key that was ended.
pub(crate) struct ClosedKey<M> {
    /// The wakers of those who waited.
    pub(crate) wakers: Vec<Waker>,
    /// The unused members, which have left the key.
    pub(crate) unused: Vec<M>,
    pub(crate) hit_counts: HitCounts,
}

/// A point-in-time count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// True once the key was removed.
    pub(crate) removed: bool,
    /// Slots in use.
    pub(crate) in_use: usize,
    /// Unused members.
    pub(crate) idle: usize,
    /// Members in use.
    pub(crate) busy: usize,
    pub(crate) connecting: usize,
    pub(crate) waiting: usize,
    /// True while no further member is opened, since the server refused one.
    pub(crate) paused: bool,
    pub(crate) hit_counts: HitCounts,
}

/// Where a waiter joins the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueuePosition {
    Front,
    Back,
}

/// The waiters that a failed connect fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Only the requester, whose credentials were used.
    Caller,
    /// All waiters that joined the connect.
    Endpoint,
    /// All waiters: what was lost is the state that each of them counts on.
    Loss,
    /// None: the connect was not needed any more.
    None,
}

impl Counts {
    pub(crate) fn sessions(&self) -> Sessions {
        Sessions {
            idle: self.idle,
            busy: self.busy,
            connecting: self.connecting,
            waiting: self.waiting,
        }
    }
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
            Origin::Around | Origin::Checked | Origin::Late => {}
        }
    }
}

/// A point in time.
pub(crate) trait Moment: Copy + Ord {
    /// The point at this distance from the beginning of time, in nanoseconds.
    fn of_nanos(nanos: u64) -> Self;
    /// Its distance from the beginning of time, in nanoseconds.
    fn nanos(self) -> u64;
}

impl<T: Copy + Ord + From<u64> + Into<u64>> Moment for T {
    #[inline]
    fn of_nanos(nanos: u64) -> Self {
        nanos.into()
    }

    #[inline]
    fn nanos(self) -> u64 {
        self.into()
    }
}

/// The generation of a member that has left its key with all its slots, though it was in use.
pub(crate) const FORFEITED: u64 = u64::MAX;

/// A session, as far as its slots are concerned.
pub(crate) trait Member: Clone {
    /// A number that no other member has, and that is not 0.
    fn id(&self) -> u64;
    /// How many may use it at the same time. At least 1.
    fn slots(&self) -> u32;
    /// The generation of the key in which it was opened.
    fn generation(&self) -> u64;
    /// Whether it is all that its key needs, however many calls there are.
    fn suffices(&self) -> bool;
    /// From now on its generation is [`FORFEITED`].
    fn forfeit(&self);
}
