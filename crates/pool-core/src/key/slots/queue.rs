//! The callers that wait for a slot of one key.

use std::task::{Poll, Waker};

use slab::Slab;

use super::{
    super::sync::{Line, Pace, Place},
    deadlines::Deadlines,
    types::{Caller, Grant, Moment, QueuePosition, Ticket},
};

/// The callers that wait for a slot, and those that have theirs and did not come for it yet.
///
/// No method takes time that grows with the number of waiters, except those that concern each of
/// them; the memory of a waiter that left is used for the next one.
pub(super) struct Queue<M, W: Caller, T> {
    line: Line<usize>,
    waiters: Slab<Waiter<M, W, T>>,
    deadlines: Deadlines<T>,
    pub(super) pace: Pace,
    next_number: u64,
}

/// A waiter, from when it joins the line until it comes for its grant or leaves.
struct Waiter<M, W: Caller, T> {
    number: u64,
    joined_at: T,
    caller: W,
    state: WaiterState<M, W, T>,
}

enum WaiterState<M, W: Caller, T> {
    /// In the line.
    Waiting {
        place: Place,
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
    pub(super) fn new() -> Self {
        Self {
            line: Line::default(),
            waiters: Slab::new(),
            deadlines: Deadlines::default(),
            pace: Pace::default(),
            next_number: 0,
        }
    }

    /// How many callers wait.
    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    /// True while no caller waits and none has a grant to come for.
    pub(super) fn is_unused(&self) -> bool {
        self.waiters.is_empty()
    }

    /// How many callers are served before one that joins this lane now.
    pub(super) fn ahead_of(&self, lane: u64) -> usize {
        self.line.ahead_of(lane)
    }

    pub(super) fn join(&mut self, new: NewWaiter<'_, W, T>) -> Ticket {
        let number = self.next_number;
        self.next_number += 1;
        let entry = self.waiters.vacant_entry();
        let index = entry.key();
        let place = match new.position {
            QueuePosition::Front => self.line.push_front(new.lane, index),
            QueuePosition::Back => self.line.push_back(new.lane, index),
        };
        entry.insert(Waiter {
            number,
            joined_at: new.now,
            caller: new.caller,
            state: WaiterState::Waiting {
                place,
                waker: new.waker.clone(),
                has_connect: false,
            },
        });
        let ticket = Ticket { index, number };
        self.deadlines.add(new.deadline, ticket);
        self.forget_deadlines();
        ticket
    }

    /// Gives the next waiter its grant. Returns its waker.
    pub(super) fn serve(&mut self, grant: Grant<M, W, T>) -> Result<Waker, Grant<M, W, T>> {
        match self.line.pop() {
            Some(index) => {
                self.pace.note_served();
                Ok(self.waiters[index].grant(grant))
            }
            None => Err(grant),
        }
    }

    /// What a waiter got. Afterwards its ticket is void.
    pub(super) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Option<Grant<M, W, T>>> {
        let Some(waiter) = self.waiter(ticket) else {
            return Poll::Ready(None);
        };
        if let WaiterState::Waiting { waker: known, .. } = &mut waiter.state {
            known.clone_from(waker);
            return Poll::Pending;
        }
        Poll::Ready(self.remove(ticket))
    }

    /// Removes a waiter. Returns what it had got.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Grant<M, W, T>> {
        self.waiter(ticket)?;
        match self.waiters.remove(ticket.index).state {
            WaiterState::Granted(grant) => Some(grant),
            WaiterState::Waiting { place, .. } => {
                self.line.remove(place);
                None
            }
        }
    }

    /// The waiter that a connect is for, of those for which none is under way; any where there is one
    /// for each.
    pub(super) fn begin_connect(&mut self) -> Option<(Ticket, &mut W)> {
        let mut waiting = self.line.iter().copied();
        let unserved = waiting.find(|index| !self.waiters[*index].has_connect());
        let index = unserved.or_else(|| self.line.iter().copied().next())?;
        let waiter = &mut self.waiters[index];
        if let WaiterState::Waiting { has_connect, .. } = &mut waiter.state {
            *has_connect = true;
        }
        let ticket = Ticket {
            index,
            number: waiter.number,
        };
        Some((ticket, &mut waiter.caller))
    }

    /// The caller of a waiter that still waits.
    pub(super) fn waiting(&mut self, ticket: Ticket) -> Option<&mut W> {
        let waiter = self.waiter(ticket)?;
        matches!(waiter.state, WaiterState::Waiting { .. }).then_some(&mut waiter.caller)
    }

    /// Fails a waiter, if it still waits. Returns its waker.
    pub(super) fn fail(
        &mut self,
        ticket: Ticket,
        error: impl FnOnce(&W) -> W::Error,
    ) -> Option<Waker> {
        let waiter = self.waiter(ticket)?;
        let WaiterState::Waiting { place, .. } = waiter.state else {
            return None;
        };
        let grant = Err(error(&waiter.caller));
        let waker = waiter.grant(grant);
        self.line.remove(place);
        Some(waker)
    }

    /// Fails all waiters, or those without a connect of their own. Returns their wakers.
    pub(super) fn fail_all(
        &mut self,
        without_connect: bool,
        error: impl Fn(&W) -> W::Error,
    ) -> Vec<Waker> {
        let concerned = |index: &usize| !without_connect || !self.waiters[*index].has_connect();
        let failed: Vec<_> = self.line.iter().copied().filter(concerned).collect();
        let tickets = failed.into_iter().map(|index| Ticket {
            index,
            number: self.waiters[index].number,
        });
        let tickets: Vec<_> = tickets.collect();
        let fail = |ticket| self.fail(ticket, &error);
        tickets.into_iter().filter_map(fail).collect()
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
        loop {
            let (deadline, ticket) = self.deadlines.first()?;
            if self.waiting(ticket).is_some() {
                return Some((deadline, ticket));
            }
            self.deadlines.remove_first();
        }
    }

    /// How long the first in the line has waited, in nanoseconds.
    pub(super) fn delay(&self, now: T) -> u64 {
        let first = self.line.iter().next();
        let joined = first.map_or(now, |index| self.waiters[*index].joined_at);
        now.nanos().saturating_sub(joined.nanos())
    }

    /// The waiter with the next deadline, where that passes before its turn comes by the pace of the
    /// queue.
    pub(super) fn hopeless(&mut self, now: T) -> Option<Ticket> {
        let (deadline, ticket) = self.next_deadline()?;
        let first = *self.line.iter().next()?;
        let ahead = ticket.number.saturating_sub(self.waiters[first].number);
        let wait = self.pace.wait(usize::try_from(ahead).ok()?)?;
        let left = deadline.nanos().saturating_sub(now.nanos());
        (wait > left).then_some(ticket)
    }

    /// Forgets the deadlines of those who wait no more, once they are most of all.
    fn forget_deadlines(&mut self) {
        if self.deadlines.len() < 2 * self.line.len() + MIN_DEADLINES {
            return;
        }
        let waiters = &self.waiters;
        self.deadlines.retain(|ticket| {
            let waiter = waiters.get(ticket.index);
            waiter.is_some_and(|waiter| waiter.number == ticket.number && waiter.is_waiting())
        });
    }

    fn waiter(&mut self, ticket: Ticket) -> Option<&mut Waiter<M, W, T>> {
        let waiter = self.waiters.get_mut(ticket.index)?;
        (waiter.number == ticket.number).then_some(waiter)
    }
}

impl<M, W: Caller, T> Waiter<M, W, T> {
    fn is_waiting(&self) -> bool {
        matches!(self.state, WaiterState::Waiting { .. })
    }

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
    fn grant(&mut self, grant: Grant<M, W, T>) -> Waker {
        match std::mem::replace(&mut self.state, WaiterState::Granted(grant)) {
            WaiterState::Waiting { waker, .. } => waker,
            WaiterState::Granted(_) => Waker::noop().clone(),
        }
    }
}

/// So many deadlines may be kept beside those of the callers that wait.
const MIN_DEADLINES: usize = 32;
