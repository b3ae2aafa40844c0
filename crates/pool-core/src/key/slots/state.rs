//! What is under the lock of a key.

use thin_vec::ThinVec;

use super::{
    queue::{Called, Queue},
    ready::{Entry, Ready, Way},
    types::{
        Caller, Claim, FORFEITED, Fate, HitCounts, Likely, Member, Moment, Origin, ReleaseOutcome,
        Retired, Slot,
    },
};

/// What is under the lock. `T` is a point in time.
pub(super) struct State<M, W: Caller, T> {
    pub(super) phase: Phase,
    /// Where the member is that may be taken around the lock.
    pub(super) way: Way,
    /// Members with a free slot.
    pub(super) ready: Ready<M, T>,
    pub(super) hit_counts: HitCounts,
    pub(super) in_use: usize,
    pub(super) last_used: T,
    /// How many callers wait.
    pub(super) waiting: usize,
    /// Members that are closed once their last slot is released.
    pub(super) draining: ThinVec<Draining<M>>,
    /// The callers that wait. `None` before the first one, and after a sweep or an opening that leaves none.
    pub(super) queue: Option<Box<Queue<M, W, T>>>,
    /// The first ticket of the next queue, so that no ticket names two waiters.
    pub(super) next_ticket: u64,
    /// How many members the key may have.
    pub(super) max: usize,
    pub(super) open: usize,
    pub(super) connecting: usize,
    /// What the newest member was: how many waiters a connect is likely to serve.
    pub(super) likely: Likely,
    /// Until when no further member is opened, since the server refused one.
    pub(super) paused_until: Option<T>,
    /// The next deadline for which a sweep is planned.
    pub(super) watched: Option<T>,
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

/// What becomes of a slot after it came back.
pub(super) enum Released<M, W: Caller, T> {
    Done(ReleaseOutcome<M>),
    /// It goes to this waiter.
    PassedOn(Slot<M, T>, Called<M, W, T>),
}

/// A member that is closed once its last slot is released.
pub(super) struct Draining<M> {
    pub(super) member: M,
    pub(super) used: u32,
    /// Why it is closed.
    pub(super) retired: Retired,
}

impl<M: Member, W: Caller, T: Moment> State<M, W, T> {
    pub(super) fn is_removed(&self) -> bool {
        self.phase == Phase::Removed
    }

    /// The most recently used member, where it may be taken around the lock: it is unused and has one slot,
    /// and its release does what most do.
    pub(super) fn pop_calm(&mut self) -> Option<Entry<M, T>> {
        let is_calm = self.waiting == 0
            && self.phase == Phase::Open
            && self.way == Way::CLOSED
            && self.draining.is_empty();
        let last = self.ready.last().filter(|_| is_calm)?;
        (last.member.slots() == 1).then(|| self.ready.pop())?
    }

    /// How many members are unused.
    pub(super) fn idle(&self) -> usize {
        self.ready.iter().filter(|entry| entry.used == 0).count()
    }

    /// True while the server gets no request for a further member. A key without any needs one.
    pub(super) fn is_paused(&self) -> bool {
        self.paused_until.is_some() && self.open > self.connecting + self.draining.len()
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
        generation: u64,
        claim: impl FnOnce(&M) -> Claim,
    ) -> Released<M, W, T> {
        if slot.member.generation() == FORFEITED {
            return Released::Done(ReleaseOutcome::Draining { wanted: false });
        }
        if matches!(fate, Fate::Undelivered | Fate::Unfit) {
            self.hit_counts.take_back(slot.origin);
        }
        let stale = slot.member.generation() != generation;
        if matches!(fate, Fate::Discard | Fate::Unfit) || stale || self.is_removed() {
            return Released::Done(self.retire_slot(slot, Retired::AsUsed));
        }
        if let Some(index) = self.position_draining(slot.member.id()) {
            return Released::Done(self.release_draining(index));
        }
        if self.has_surplus() {
            return Released::Done(self.retire_slot(slot, Retired::Surplus));
        }
        let claim = claim(&slot.member);
        self.claimed(slot, claim)
    }

    /// Takes back a slot of a member that is fit, unless its place goes to others.
    #[inline(always)]
    pub(super) fn claimed(&mut self, slot: Slot<M, T>, claim: Claim) -> Released<M, W, T> {
        match claim {
            Claim::Own => self.hand_over(slot),
            Claim::Surplus => Released::Done(self.retire_slot(slot, Retired::Surplus)),
            Claim::Rival => Released::Done(self.retire_slot(slot, Retired::Yielded)),
        }
    }

    /// Gives a slot to the next waiter, or makes it ready.
    #[inline(always)]
    fn hand_over(&mut self, slot: Slot<M, T>) -> Released<M, W, T> {
        let slot = Slot {
            origin: Origin::Found,
            ..slot
        };
        match self.call(Origin::Found) {
            Some(called) => Released::PassedOn(slot, called),
            None => {
                self.in_use -= 1;
                self.entry(slot);
                Released::Done(ReleaseOutcome::Ready)
            }
        }
    }

    /// Takes the next waiter out of the queue, which gets a slot of this origin.
    #[inline(always)]
    pub(super) fn call(&mut self, origin: Origin) -> Option<Called<M, W, T>> {
        let queue = self.queue.as_mut()?;
        let called = queue.call()?;
        self.waiting = queue.len();
        self.hit_counts.count(origin);
        Some(called)
    }

    /// Begins a new generation. Takes out the unused members.
    pub(super) fn begin_generation(&mut self) -> Vec<M> {
        // The server grants more once the members of before are gone.
        self.paused_until = None;
        let entries = self.ready.take().into_iter();
        let (unused, used): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.used == 0);
        self.draining.extend(used.into_iter().map(Draining::of));
        self.open -= unused.len();
        unused.into_iter().map(|entry| entry.member).collect()
    }

    /// Takes out a member that is in use. Returns how many use it; `None` when it is unused.
    pub(super) fn take_used(&mut self, member: &M) -> Option<u32> {
        let id = member.id();
        if let Some(index) = self.position_draining(id) {
            return Some(self.draining.swap_remove(index).used);
        }
        let Some(index) = self.ready.position(id) else {
            // All its slots are in use.
            return Some(member.slots());
        };
        let is_used = self.ready.get(index).is_some_and(|entry| entry.used > 0);
        let entry = is_used.then(|| self.ready.remove(index))??;
        Some(entry.used)
    }

    /// Takes back a slot of a member that is not to be used again.
    fn retire_slot(&mut self, slot: Slot<M, T>, retired: Retired) -> ReleaseOutcome<M> {
        let id = slot.member.id();
        if let Some(index) = self.ready.position(id)
            && let Some(entry) = self.ready.remove(index)
        {
            self.draining.push(Draining {
                retired,
                ..Draining::of(entry)
            });
        }
        let index = self.position_draining(id).unwrap_or_else(|| {
            let used = slot.member.slots();
            self.draining.push(Draining {
                member: slot.member,
                used,
                retired,
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

    fn release_draining(&mut self, index: usize) -> ReleaseOutcome<M> {
        self.in_use -= 1;
        let entry = &mut self.draining[index];
        entry.used -= 1;
        if entry.used > 0 {
            // A member that serves no waiter again holds up no connect: neither by its sufficing nor by
            // a pause.
            return ReleaseOutcome::Draining {
                wanted: self.wants_connect(),
            };
        }
        let Draining {
            member, retired, ..
        } = self.draining.swap_remove(index);
        self.open -= 1;
        ReleaseOutcome::Close {
            member,
            wanted: self.wants_connect(),
            retired,
        }
    }
}

impl<M> Draining<M> {
    /// The member of an entry, to be closed once its last slot is released.
    pub(super) fn of<T>(entry: Entry<M, T>) -> Self {
        Self {
            member: entry.member,
            used: entry.used,
            retired: Retired::AsUsed,
        }
    }
}
