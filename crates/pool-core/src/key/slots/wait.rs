//! How callers wait for a slot.

use std::{
    task::{Poll, Waker},
    time::Duration,
};

use super::{
    super::sync::lock,
    queue::{Content, NewWaiter, Queue, WaitCell},
    slots::Slots,
    state::State,
    types::{Caller, Enqueued, Expired, Grant, Left, Member, Moment, QueuePosition, Slot, Ticket},
};

impl<M: Member, W: Caller, T: Moment> Slots<M, W, T> {
    /// Queues a waiter, unless a slot is free; at the front where it lost its turn to an unfit
    /// session. Within the bounds, which do not concern those.
    #[inline(always)]
    pub(crate) fn enqueue(&self, new: NewWaiter<'_, M, W, T>, bounds: Bounds) -> Enqueued<M, T> {
        let mut state = lock(&self.state);
        if state.is_removed() {
            return Enqueued::Removed;
        }
        self.close_shortcut(&mut state);
        if let Some(slot) = state.take_ready() {
            self.show(&mut state);
            return Enqueued::Slot(slot);
        }
        if new.position == QueuePosition::Back && state.is_full(&new, bounds) {
            self.show(&mut state);
            return Enqueued::Full;
        }
        let deadline = new.deadline;
        let ticket = state.queue().join(new);
        state.waiting += 1;
        self.tally.set_waiting(state.waiting);
        let watch = state.watched.is_none_or(|watched| deadline < watched);
        if watch {
            state.watched = Some(deadline);
        }
        Enqueued::InQueue {
            ticket,
            wants_connect: state.wants_connect(),
            watch,
        }
    }

    /// Fails waiters that cannot be served in time by the pace of an overloaded queue, `most` at most:
    /// of those with the earliest deadlines. Returns their wakers.
    pub(crate) fn shed(&self, now: T, most: usize, error: impl Fn(&W) -> W::Error) -> Vec<Waker> {
        let mut state = self.lock();
        let mut wakers = Vec::new();
        while wakers.len() < most
            && let Some(queue) = &mut state.queue
            && queue.pace.is_overloaded(now.nanos())
            && let Some(ticket) = queue.hopeless(now)
        {
            wakers.extend(queue.fail(ticket, &error));
        }
        state.count_waiting();
        wakers
    }

    /// How long the queue needs for those who wait in it, by its pace; `None` while that is not known.
    pub(crate) fn drain_time(&self) -> Option<Duration> {
        let state = self.lock();
        let wait = state.queue.as_ref()?.pace.wait(state.waiting)?;
        Some(Duration::from_nanos(wait))
    }

    /// What a waiter got. `None`: it has come for its grant before.
    #[inline(always)]
    pub(crate) fn poll(
        &self,
        ticket: Ticket,
        cell: &mut WaitCell<M, W, T>,
        waker: &Waker,
    ) -> Poll<Option<Grant<M, W, T>>> {
        match cell.take() {
            Some(grant) => Poll::Ready(Some(grant)),
            None => self.poll_early(ticket, cell, waker),
        }
    }

    /// As [`poll`](Self::poll), of a waiter that was not woken by its grant.
    #[cold]
    fn poll_early(
        &self,
        ticket: Ticket,
        cell: &WaitCell<M, W, T>,
        waker: &Waker,
    ) -> Poll<Option<Grant<M, W, T>>> {
        // Nothing changes here that is shown.
        let mut state = lock(&self.state);
        let queue = state.queue.as_mut();
        if queue.is_some_and(|queue| queue.set_waker(ticket, waker)) {
            return Poll::Pending;
        }
        drop(state);
        match cell.take_or_set(waker) {
            Content::Nothing => Poll::Pending,
            Content::Grant(grant) => Poll::Ready(Some(grant)),
            Content::Gone => Poll::Ready(None),
        }
    }

    /// Leaves the queue. Returns the slot that was granted meanwhile, and whether no waiter needs a
    /// connect any more.
    pub(crate) fn leave(
        &self,
        ticket: Ticket,
        cell: &WaitCell<M, W, T>,
    ) -> (Option<Slot<M, T>>, bool) {
        let mut state = self.lock();
        let left = state.queue.as_mut().and_then(|queue| queue.remove(ticket));
        state.count_waiting();
        let is_settled = !state.wants_connect();
        drop(state);
        // Its waker and its cell are dropped without the lock.
        drop(left);
        (cell.leave().and_then(Result::ok), is_settled)
    }

    /// The next deadline of those who wait.
    pub(crate) fn next_deadline(&self) -> Option<T> {
        let mut state = self.lock();
        let (deadline, _) = state.queue.as_mut()?.next_deadline()?;
        Some(deadline)
    }

    /// Fails waiters whose deadline has passed, `most` at most.
    pub(crate) fn expire(&self, now: T, most: usize, error: impl Fn(&W) -> W::Error) -> Expired<T> {
        let mut state = self.lock();
        let Some(queue) = &mut state.queue else {
            state.watched = None;
            return Expired::default();
        };
        let wakers = queue.expire(now, most, error);
        let next = queue.next_deadline().map(|(deadline, _)| deadline);
        state.drop_unused_queue();
        state.watched = next;
        state.count_waiting();
        let is_settled = !state.wants_connect();
        Expired {
            left: Left { wakers, is_settled },
            next,
        }
    }
}

impl<M: Member, W: Caller, T: Moment> State<M, W, T> {
    /// The queue, made where there is none.
    fn queue(&mut self) -> &mut Queue<M, W, T> {
        let first = self.next_ticket;
        self.queue
            .get_or_insert_with(|| Box::new(Queue::new(first)))
    }

    /// Gives back the memory of a queue without a waiter.
    pub(super) fn drop_unused_queue(&mut self) {
        if let Some(queue) = self.queue.take_if(|queue| queue.is_empty()) {
            self.next_ticket = queue.next_ticket();
        }
    }

    /// True when a caller may not wait: too many do so, or it would wait in vain.
    #[inline(always)]
    fn is_full(&mut self, new: &NewWaiter<'_, M, W, T>, bounds: Bounds) -> bool {
        if self.waiting >= bounds.most {
            return true;
        }
        let Some(queue) = &mut self.queue else {
            return false;
        };
        if bounds.target.is_zero() {
            return false;
        }
        let now = new.now.nanos();
        if queue.pace.is_look_due(now) {
            let delay = queue.delay(new.now);
            queue.pace.sample(now, delay, bounds.target);
        }
        if !queue.pace.is_overloaded(now) {
            return false;
        }
        let wait = queue.pace.wait(queue.ahead_of(new.lane));
        let left = new.deadline.nanos().saturating_sub(now);
        wait.is_some_and(|wait| wait > left)
    }

    /// Fails a waiter, if it still waits. Returns its waker.
    pub(super) fn fail_one(
        &mut self,
        ticket: Ticket,
        error: impl FnOnce(&W) -> W::Error,
    ) -> Option<Waker> {
        let waker = self.queue.as_mut()?.fail(ticket, error);
        self.count_waiting();
        waker
    }

    /// Fails all waiters, or those without a connect of their own. Returns their wakers.
    pub(super) fn fail_waiting(
        &mut self,
        without_connect: bool,
        error: impl Fn(&W) -> W::Error,
    ) -> Vec<Waker> {
        let Some(queue) = &mut self.queue else {
            return Vec::new();
        };
        let wakers = queue.fail_all(without_connect, error);
        self.count_waiting();
        wakers
    }

    fn count_waiting(&mut self) {
        self.waiting = self.queue.as_ref().map_or(0, |queue| queue.len());
    }
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// So many callers may wait.
    pub(crate) most: usize,
    /// The delay above which the queue is overloaded; zero for none.
    pub(crate) target: Duration,
}

impl<T> Default for Expired<T> {
    fn default() -> Self {
        Self {
            left: Left {
                wakers: Vec::new(),
                is_settled: true,
            },
            next: None,
        }
    }
}
