//! The callers that wait for a slot of one key.

use std::task::{Poll, Waker};

use super::{
    super::sync::{Deadlines, Line, Pace},
    types::{Caller, Grant, Moment, QueuePosition, Slot, Ticket},
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

/// A waiter, from when it joins the line until it comes for its grant or leaves. Its fields are set one by one in
/// the place of an earlier one.
struct Waiter<M, W: Caller, T> {
    joined_at: T,
    /// Whether a connect is under way for this waiter's sake.
    has_connect: bool,
    /// There until the waiter has its grant.
    waker: Option<Waker>,
    grant: Option<Grant<M, W, T>>,
    /// There until it has left.
    caller: Option<W>,
}

/// A caller that is to wait.
pub(crate) struct NewWaiter<'w, F, T> {
    /// Makes what is kept of the caller.
    pub(crate) caller: F,
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

    #[inline(always)]
    pub(super) fn join(&mut self, new: NewWaiter<'_, impl FnOnce() -> W, T>) -> Ticket {
        let (place, waiter) = match new.position {
            QueuePosition::Back => self.line.join_last(new.lane),
            QueuePosition::Front => self.line.join_first(new.lane),
        };
        let waiter = waiter.get_or_insert_with(Waiter::new);
        waiter.joined_at = new.now;
        waiter.has_connect = false;
        waiter.waker = Some(new.waker.clone());
        waiter.caller = Some((new.caller)());
        let ticket = Ticket(place);
        self.deadlines.add(new.deadline, ticket);
        let line = &self.line;
        let waits = |_, ticket: Ticket| line.waits(ticket.0);
        self.deadlines.forget(line.len(), waits);
        ticket
    }

    /// Gives a slot to the next waiter. Returns its waker.
    ///
    /// # Errors
    /// The slot, when no caller waits.
    #[inline(always)]
    pub(super) fn serve(&mut self, slot: Slot<M, T>) -> Result<Waker, Slot<M, T>> {
        match self.line.call() {
            Some(waiter) => {
                self.pace.note_served();
                waiter.grant = Some(Ok(slot));
                Ok(waiter.take_waker())
            }
            None => Err(slot),
        }
    }

    /// What a waiter got. Afterwards its ticket is void.
    #[inline(always)]
    pub(super) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Option<Grant<M, W, T>>> {
        let Some((waiter, waits)) = self.line.get_mut(ticket.0) else {
            return Poll::Ready(None);
        };
        if waits {
            match &mut waiter.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return Poll::Pending;
        }
        Poll::Ready(self.remove(ticket))
    }

    /// Removes a waiter. Returns what it had got.
    #[inline(always)]
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Grant<M, W, T>> {
        let waiter = self.line.vacate(ticket.0)?.as_mut()?;
        waiter.waker = None;
        waiter.caller = None;
        waiter.grant.take()
    }

    /// The waiter that a connect is for, of those for which none is under way; any where there is one
    /// for each.
    pub(super) fn begin_connect(&mut self) -> Option<(Ticket, &mut W)> {
        let has_connect = |place| self.line.get(place).is_some_and(|it| it.has_connect);
        let unserved = self.line.places().find(|place| !has_connect(*place));
        let place = unserved.or_else(|| self.line.first())?;
        let (waiter, _) = self.line.get_mut(place)?;
        waiter.has_connect = true;
        Some((Ticket(place), waiter.caller.as_mut()?))
    }

    /// The caller of a waiter that still waits.
    pub(super) fn waiting(&mut self, ticket: Ticket) -> Option<&mut W> {
        let (waiter, waits) = self.line.get_mut(ticket.0)?;
        waiter.caller.as_mut().filter(|_| waits)
    }

    /// The callers that wait, in the order of the line.
    pub(super) fn callers(&self) -> impl Iterator<Item = &W> {
        let waiters = self.line.places().filter_map(|place| self.line.get(place));
        waiters.filter_map(|waiter| waiter.caller.as_ref())
    }

    /// Fails a waiter, if it still waits. Returns its waker.
    pub(super) fn fail(
        &mut self,
        ticket: Ticket,
        error: impl FnOnce(&W) -> W::Error,
    ) -> Option<Waker> {
        let waiter = self.line.call_at(ticket.0)?;
        waiter.grant = waiter.caller.as_ref().map(|caller| Err(error(caller)));
        Some(waiter.take_waker())
    }

    /// Fails all waiters, or those without a connect of their own. Returns their wakers.
    pub(super) fn fail_all(
        &mut self,
        without_connect: bool,
        error: impl Fn(&W) -> W::Error,
    ) -> Vec<Waker> {
        let has_connect = |place| self.line.get(place).is_some_and(|it| it.has_connect);
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

impl<M, W: Caller, T: Moment> Waiter<M, W, T> {
    /// A waiter that is still to be set.
    fn new() -> Self {
        Self {
            joined_at: T::of_nanos(0),
            has_connect: false,
            waker: None,
            grant: None,
            caller: None,
        }
    }

    /// The waker, which is not needed here any more.
    #[inline(always)]
    fn take_waker(&mut self) -> Waker {
        let waker = self.waker.take();
        waker.unwrap_or_else(|| Waker::noop().clone())
    }
}
