//! The callers that wait for a slot of one key.

use std::task::Waker;

use super::{
    super::{
        super::sync::{Deadlines, Line, Pace},
        types::{Caller, Moment, QueuePosition, Ticket},
    },
    wait_cell::{Called, WaitCell},
};

/// The callers that wait for a slot.
///
/// No method takes time that grows with the number of waiters, except those that concern each of
/// them; the memory of a waiter that left is used for the next one.
pub(in super::super) struct Queue<M, W: Caller, T> {
    line: Line<Waiter<M, W, T>>,
    deadlines: Deadlines<T, Ticket>,
    pub(in super::super) pace: Pace,
}

/// A waiter, from when it joins the line until it gets its grant or leaves. Its fields are set one by one in
/// the place of an earlier one.
///
/// What few need of it is in its cell: a place is small, since cores pass it on.
struct Waiter<M, W: Caller, T> {
    joined_at: T,
    /// Whether a connect is under way for this waiter's sake.
    has_connect: bool,
    /// There while it waits, as the cell.
    waker: Option<Waker>,
    cell: Option<WaitCell<M, W, T>>,
}

/// A caller that is to wait.
pub(crate) struct NewWaiter<'w, M, W: Caller, T> {
    /// Its own, with what is kept of the caller.
    pub(crate) cell: &'w WaitCell<M, W, T>,
    /// Callers of one lane are served in order, lanes in turn.
    pub(crate) lane: u64,
    pub(crate) position: QueuePosition,
    pub(crate) now: T,
    pub(crate) deadline: T,
    pub(crate) waker: &'w Waker,
}

impl<M, W: Caller, T: Moment> Queue<M, W, T> {
    /// A queue whose tickets are numbered from here on.
    pub(in super::super) fn new(first_ticket: u64) -> Self {
        Self {
            line: Line::numbered_from(first_ticket),
            deadlines: Deadlines::default(),
            pace: Pace::default(),
        }
    }

    /// The number of the next ticket.
    pub(in super::super) fn next_ticket(&self) -> u64 {
        self.line.next_number()
    }

    /// How many callers wait.
    #[inline]
    pub(in super::super) fn len(&self) -> usize {
        self.line.len()
    }

    /// True while no caller waits.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// How many callers are served before one that joins this lane now.
    pub(in super::super) fn ahead_of(&self, lane: u64) -> usize {
        self.line.ahead_of(lane)
    }

    #[inline(always)]
    pub(in super::super) fn join(&mut self, new: NewWaiter<'_, M, W, T>) -> Ticket {
        let (place, waiter) = match new.position {
            QueuePosition::Back => self.line.join_last(new.lane),
            QueuePosition::Front => self.line.join_first(new.lane),
        };
        let waiter = waiter.get_or_insert_with(Waiter::new);
        waiter.joined_at = new.now;
        waiter.has_connect = false;
        waiter.waker = Some(new.waker.clone());
        waiter.cell = Some(new.cell.share());
        let ticket = Ticket(place);
        self.deadlines.add(new.deadline, ticket);
        let line = &self.line;
        let waits = |_, ticket: Ticket| line.waits(ticket.0);
        self.deadlines.forget(line.len(), waits);
        ticket
    }

    /// Takes the next waiter out of the queue.
    #[inline(always)]
    pub(in super::super) fn call(&mut self) -> Option<Called<M, W, T>> {
        let called = Waiter::called(self.line.call()?);
        self.pace.note_served();
        called
    }

    /// Has a waiter woken by this waker from now on. `false` when it does not wait any more.
    pub(in super::super) fn set_waker(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        let Some(waiter) = self.line.get_mut(ticket.0) else {
            return false;
        };
        match &mut waiter.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        true
    }

    /// Takes a waiter out of the queue, if it still waits.
    #[inline(always)]
    pub(in super::super) fn remove(&mut self, ticket: Ticket) -> Option<Called<M, W, T>> {
        Waiter::called(self.line.vacate(ticket.0)?)
    }

    /// The waiter that a connect is for, of those for which none is under way; any where there is one
    /// for each.
    pub(in super::super) fn begin_connect<R>(
        &mut self,
        of: impl FnOnce(Ticket, &mut W) -> R,
    ) -> Option<R> {
        let has_connect = |place| self.line.get(place).is_some_and(|it| it.has_connect);
        let unserved = self.line.places().find(|place| !has_connect(*place));
        let place = unserved.or_else(|| self.line.first())?;
        let waiter = self.line.get_mut(place)?;
        waiter.has_connect = true;
        let cell = waiter.cell.as_ref()?;
        cell.with_caller(|caller| of(Ticket(place), caller))
    }

    /// The cell of a waiter that still waits.
    pub(in super::super) fn cell(&self, ticket: Ticket) -> Option<&WaitCell<M, W, T>> {
        self.line.get(ticket.0)?.cell.as_ref()
    }

    /// The cells of those who wait, in the order of the line.
    pub(in super::super) fn cells(&self) -> impl Iterator<Item = &WaitCell<M, W, T>> {
        let waiters = self.line.places().filter_map(|place| self.line.get(place));
        waiters.filter_map(|waiter| waiter.cell.as_ref())
    }

    /// Fails a waiter, if it still waits. Returns its waker.
    pub(in super::super) fn fail(
        &mut self,
        ticket: Ticket,
        error: impl FnOnce(&W) -> W::Error,
    ) -> Option<Waker> {
        let called = self.remove(ticket)?;
        called.cell.fail(error);
        Some(called.waker)
    }

    /// Fails all waiters, or those without a connect of their own. Returns their wakers.
    pub(in super::super) fn fail_all(
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
    pub(in super::super) fn expire(
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
    pub(in super::super) fn next_deadline(&mut self) -> Option<(T, Ticket)> {
        let line = &self.line;
        self.deadlines.first(|_, ticket| line.waits(ticket.0))
    }

    /// How long the first in the line has waited, in nanoseconds.
    #[inline]
    pub(in super::super) fn delay(&self, now: T) -> u64 {
        let first = self.line.first().and_then(|place| self.line.get(place));
        let joined = first.map_or(now, |first| first.joined_at);
        now.nanos().saturating_sub(joined.nanos())
    }

    /// The waiter with the next deadline, where that passes before its turn comes by the pace of the
    /// queue.
    pub(in super::super) fn hopeless(&mut self, now: T) -> Option<Ticket> {
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
            cell: None,
        }
    }

    /// The waiter that has left this place.
    #[inline(always)]
    fn called(place: &mut Option<Self>) -> Option<Called<M, W, T>> {
        let waiter = place.as_mut()?;
        Some(Called {
            cell: waiter.cell.take()?,
            waker: waiter.waker.take()?,
        })
    }
}
