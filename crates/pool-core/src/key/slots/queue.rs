//! The callers that wait for a slot of one key.

use std::task::{Poll, Waker};

use super::{
    super::sync::{Deadlines, Line, Pace},
    types::{Caller, Grant, Moment, QueuePosition, Ticket},
};

/// The callers that wait for a slot, and those that have theirs and did not come for it yet.
///
/// No method takes time that grows with the number of waiters, except those that concern each of
/// them; the memory of a waiter that left is used for the next one.
pub(super) struct Queue<M, W: Caller, T> {
    line: Line<Waiter<M, W, T>>,
    deadlines: Deadlines<T, Ticket>,
    pub(super) pace: Pace,
}

/// A waiter, from when it joins the line until it comes for its grant or leaves.
struct Waiter<M, W: Caller, T> {
    joined_at: T,
    state: WaiterState<M, W, T>,
    caller: W,
}

enum WaiterState<M, W: Caller, T> {
    /// In the line.
    Waiting {
        waker: Waker,
        /// Whether a connect is under way for this waiter's sake.
        has_connect: bool,
    },
    /// Out of the line, with what it gets.
    Granted(Grant<M, W, T>),
}

/// A caller that is to wait.
pub(crate) struct NewWaiter<'w, W, T> {
    pub(crate) caller: W,
    /// Callers of one lane are served in order, lanes in turn.
    pub(crate) lane: u64,
    pub(crate) position: QueuePosition,
    pub(crate) now: T,
    pub(crate) deadline: T,
    pub(crate) waker: &'w Waker,
}

impl<M, W: Caller, T: Moment> Queue<M, W, T> {
    /// A queue whose tickets are numbered from here on.
    pub(super) fn new(first_ticket: u64) -> Self {
        Self {
            line: Line::numbered_from(first_ticket),
            deadlines: Deadlines::default(),
            pace: Pace::default(),
        }
    }

    /// The number of the next ticket.
    pub(super) fn next_ticket(&self) -> u64 {
        self.line.next_number()
    }

    /// How many callers wait.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    /// True while no caller waits and none has a grant to come for.
    pub(super) fn is_unused(&self) -> bool {
        self.line.is_unused()
    }

    /// How many callers are served before one that joins this lane now.
    pub(super) fn ahead_of(&self, lane: u64) -> usize {
        self.line.ahead_of(lane)
    }

    #[inline]
    pub(super) fn join(&mut self, new: NewWaiter<'_, W, T>) -> Ticket {
        let waiter = Waiter {
            joined_at: new.now,
            state: WaiterState::Waiting {
                waker: new.waker.clone(),
                has_connect: false,
            },
            caller: new.caller,
        };
        let place = match new.position {
            QueuePosition::Front => self.line.push_front(new.lane, waiter),
            QueuePosition::Back => self.line.push_back(new.lane, waiter),
        };
        let ticket = Ticket(place);
        self.deadlines.add(new.deadline, ticket);
        let line = &self.line;
        let waits = |_, ticket: Ticket| line.waits(ticket.0);
        self.deadlines.forget(line.len(), waits);
        ticket
    }

    /// Gives the next waiter its grant. Returns its waker.
    #[inline]
    pub(super) fn serve(&mut self, grant: Grant<M, W, T>) -> Result<Waker, Grant<M, W, T>> {
        match self.line.call() {
            Some(waiter) => {
                self.pace.note_served();
                Ok(waiter.grant(grant))
            }
            None => Err(grant),
        }
    }

    /// What a waiter got. Afterwards its ticket is void.
    #[inline]
    pub(super) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Option<Grant<M, W, T>>> {
        let Some((waiter, _)) = self.line.get_mut(ticket.0) else {
            return Poll::Ready(None);
        };
        if let WaiterState::Waiting { waker: known, .. } = &mut waiter.state {
            known.clone_from(waker);
            return Poll::Pending;
        }
        Poll::Ready(self.remove(ticket))
    }

    /// Removes a waiter. Returns what it had got.
    #[inline]
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Grant<M, W, T>> {
        match self.line.remove(ticket.0)?.state {
            WaiterState::Granted(grant) => Some(grant),
            WaiterState::Waiting { .. } => None,
        }
    }

    /// The waiter that a connect is for, of those for which none is under way; any where there is one
    /// for each.
    pub(super) fn begin_connect(&mut self) -> Option<(Ticket, &mut W)> {
        let has_connect = |place| self.line.get(place).is_some_and(Waiter::has_connect);
        let unserved = self.line.places().find(|place| !has_connect(*place));
        let place = unserved.or_else(|| self.line.first())?;
        let (waiter, _) = self.line.get_mut(place)?;
        if let WaiterState::Waiting { has_connect, .. } = &mut waiter.state {
            *has_connect = true;
        }
        Some((Ticket(place), &mut waiter.caller))
    }

    /// The caller of a waiter that still waits.
    pub(super) fn waiting(&mut self, ticket: Ticket) -> Option<&mut W> {
        let (waiter, waits) = self.line.get_mut(ticket.0)?;
        waits.then_some(&mut waiter.caller)
    }

    /// The callers that wait, in the order of the line.
    pub(super) fn callers(&self) -> impl Iterator<Item = &W> {
        let waiters = self.line.places().filter_map(|place| self.line.get(place));
        waiters.map(|waiter| &waiter.caller)
    }

    /// Fails a waiter, if it still waits. Returns its waker.
    pub(super) fn fail(
        &mut self,
        ticket: Ticket,
        error: impl FnOnce(&W) -> W::Error,
    ) -> Option<Waker> {
        let waiter = self.line.call_at(ticket.0)?;
        let grant = Err(error(&waiter.caller));
        Some(waiter.grant(grant))
    }

    /// Fails all waiters, or those without a connect of their own. Returns their wakers.
    pub(super) fn fail_all(
        &mut self,
        without_connect: bool,
        error: impl Fn(&W) -> W::Error,
    ) -> Vec<Waker> {
        let has_connect = |place| self.line.get(place).is_some_and(Waiter::has_connect);
        let concerned = |place: &_| !without_connect || !has_connect(*place);
        let failed: Vec<_> = self.line.places().filter(concerned).collect();
        let fail = |place| self.fail(Ticket(place), &error);
        failed.into_iter().filter_map(fail).collect()
    }

    /// Fails waiters whose deadline has passed, `most` at most. Returns their wakers.
    pub(super) fn expire(
        &mut self,
        now: T,
        most: usize,
        error: impl Fn(&W) -> W::Error,
    ) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while wakers.len() < most
            && let Some((deadline, ticket)) = self.next_deadline()
            && deadline <= now
        {
            wakers.extend(self.fail(ticket, &error));
        }
        wakers
    }

    /// The next deadline of a caller that waits, and its ticket.
    pub(super) fn next_deadline(&mut self) -> Option<(T, Ticket)> {
        let line = &self.line;
        self.deadlines.first(|_, ticket| line.waits(ticket.0))
    }

    /// How long the first in the line has waited, in nanoseconds.
    #[inline]
    pub(super) fn delay(&self, now: T) -> u64 {
        let first = self.line.first().and_then(|place| self.line.get(place));
        let joined = first.map_or(now, |first| first.joined_at);
        now.nanos().saturating_sub(joined.nanos())
    }

    /// The waiter with the next deadline, where that passes before its turn comes by the pace of the
    /// queue.
    pub(super) fn hopeless(&mut self, now: T) -> Option<Ticket> {
        let (deadline, ticket) = self.next_deadline()?;
        let wait = self.pace.wait(self.line.ahead(ticket.0)?)?;
        let left = deadline.nanos().saturating_sub(now.nanos());
        (wait > left).then_some(ticket)
    }
}

impl<M, W: Caller, T> Waiter<M, W, T> {
    fn has_connect(&self) -> bool {
        matches!(
            self.state,
            WaiterState::Waiting {
                has_connect: true,
                ..
            }
        )
    }

    /// Grants what the waiter waits for. Returns its waker.
    #[inline]
    fn grant(&mut self, grant: Grant<M, W, T>) -> Waker {
        match std::mem::replace(&mut self.state, WaiterState::Granted(grant)) {
            WaiterState::Waiting { waker, .. } => waker,
            WaiterState::Granted(_) => Waker::noop().clone(),
        }
    }
}
