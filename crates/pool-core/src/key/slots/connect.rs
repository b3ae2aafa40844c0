//! How members come to a key.

use std::task::Waker;

use super::{
    super::sync::lock,
    queue::Called,
    ready::Entry,
    slots::Slots,
    state::State,
    types::{Blame, Caller, Left, Likely, Member, Moment, Origin, Slot, Ticket},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// Reserves a connect, if a waiter needs one and the limit allows it. Returns what `of` takes of
    /// the waiter that it is for. Every `Some` must be followed by [`admit`](Self::admit) or
    /// [`abandon`](Self::abandon).
    pub(crate) fn begin_connect<R>(&self, of: impl FnOnce(Ticket, &mut W) -> R) -> Option<R> {
        let mut state = self.lock();
        if !state.wants_connect() {
            return None;
        }
        let reserved = state.queue.as_mut()?.begin_connect(of)?;
        state.open += 1;
        state.connecting += 1;
        Some(reserved)
    }

    /// True while a waiter needs a connect and the limit allows one.
    pub(crate) fn wants_connect(&self) -> bool {
        self.lock().wants_connect()
    }

    /// True while the key has no member and opens none.
    pub(crate) fn has_none(&self) -> bool {
        lock(&self.state).open == 0
    }

    /// True while a waiter is queued.
    pub(crate) fn has_waiters(&self) -> bool {
        lock(&self.state).waiting > 0
    }

    /// Changes what is kept of a waiter, while it waits.
    pub(crate) fn with_waiting(&self, ticket: Ticket, change: impl FnOnce(&mut W)) {
        let state = self.lock();
        if let Some(cell) = state.queue.as_ref().and_then(|queue| queue.cell(ticket)) {
            cell.with_caller(change);
        }
    }

    /// A connect succeeded: serves the queue, and keeps the remaining slots ready. Returns the wakers
    /// of those who were served.
    ///
    /// # Errors
    /// The member, when it came too late: its generation was retired meanwhile, or the limit was
    /// lowered and no waiter needs it.
    pub(crate) fn admit(&self, member: M, now: T) -> Result<Left, M> {
        let mut state = self.lock();
        state.connecting -= 1;
        let is_surplus = state.waiting == 0 && state.surplus() > 0;
        if state.is_removed() || member.generation() != self.generation() || is_surplus {
            state.open -= 1;
            return Err(member);
        }
        state.likely = Likely {
            slots: member.slots(),
            suffices: member.suffices(),
        };
        let wakers = state.serve_with(&member, now);
        // Most keys have one session, and callers wait for its opening alone.
        state.drop_unused_queue();
        state.in_use += wakers.len();
        // Each member that is open has its place, so that no release allocates.
        let open = state.open;
        state.ready.reserve(open);
        let used = u32::try_from(wakers.len()).unwrap_or(u32::MAX);
        if used < member.slots() {
            state.ready.push(Entry {
                member,
                used,
                alive_at: now,
            });
        }
        Ok(Left {
            wakers,
            is_settled: !state.wants_connect(),
        })
    }

    /// The server refused a further member. Where the key has others, its waiters wait for those, and no
    /// connect begins until then. `false` where it has none: the connect is still to be ended.
    pub(crate) fn pause(&self, until: T) -> bool {
        let mut state = self.lock();
        if state.open <= state.connecting + state.draining.len() {
            return false;
        }
        state.connecting -= 1;
        state.open -= 1;
        state.paused_until = Some(until);
        true
    }

    /// Ends a pause that is over. Returns until when the key pauses otherwise, and whether a waiter needs
    /// a connect.
    pub(crate) fn resume(&self, now: T) -> (Option<T>, bool) {
        let mut state = self.lock();
        if state.paused_until.is_none_or(|until| until > now) {
            return (state.paused_until, false);
        }
        state.paused_until = None;
        (None, state.wants_connect())
    }

    /// A connect ended without a session. Fails the waiters that it concerns: its requester, if there is one
    /// that still waits; under [`Blame::Endpoint`] all waiters that joined it, and under [`Blame::Loss`] all.
    pub(crate) fn abandon(
        &self,
        requester: Option<Ticket>,
        blame: Blame,
        error: impl Fn(&W) -> W::Error,
    ) -> Left {
        let mut state = self.lock();
        state.connecting -= 1;
        state.open -= 1;
        let is_shared = state.likely.slots > 1 || state.likely.suffices;
        let mut wakers = Vec::new();
        if blame != Blame::None
            && let Some(requester) = requester
        {
            wakers.extend(state.fail_one(requester, &error));
        }
        match blame {
            Blame::Endpoint if is_shared => wakers.extend(state.fail_waiting(true, error)),
            Blame::Loss => wakers.extend(state.fail_waiting(false, error)),
            Blame::Caller | Blame::Endpoint | Blame::None => {}
        }
        state.hit_counts.misses += wakers.len() as u64;
        Left {
            is_settled: !state.wants_connect(),
            wakers,
        }
    }
}

impl<M: Member, W: Caller, T: Moment> State<M, W, T> {
    /// Serves waiters with the slots of a new member. Returns their wakers.
    fn serve_with(&mut self, member: &M, now: T) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while wakers.len() < member.slots() as usize {
            let slot = Slot {
                member: member.clone(),
                alive_at: now,
                acquired_at: now,
                origin: match wakers.is_empty() {
                    true => Origin::Opened,
                    false => Origin::Found,
                },
            };
            let Some(Called { cell, waker }) = self.call(slot.origin) else {
                break;
            };
            // Under the lock: the waiter has not left.
            wakers.push(cell.put(slot).ok().flatten().unwrap_or(waker));
        }
        wakers
    }
}
