//! Waiting for a session of a key.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
};

use tracing::Instrument;

use super::connect::Connects;
use crate::{
    error::{AcquireError, Stage},
    extend::Credential,
    key::{
        Admission, Grant, KeyPool, NewWaiter, QueuePosition, SlotGuard, Ticket, Waiter, run,
        run_with,
    },
    time::{Deadline, Timestamp},
    trace::{self, WaitTrace},
};

/// Waits for the next slot of a key that is released or opened. `None` when the key was removed.
///
/// # Errors
/// The error of a connect that the caller waited for, [`AcquireError::Closed`],
/// [`AcquireError::Overloaded`] or [`AcquireError::Timeout`].
///
/// # Cancel safety
/// Safe: a slot on its way to a caller that leaves goes to the next one.
pub(crate) async fn next_slot(
    key: Arc<KeyPool>,
    caller: QueuedCaller,
) -> Result<Option<SlotGuard>, AcquireError> {
    let span = trace::wait(&key.key);
    let wait = SlotWait::new(key, caller, WaitTrace::of(&span));
    wait.instrument(span).await
}

/// A caller that is to join the queue of a key.
pub(crate) struct QueuedCaller {
    pub(crate) credential: Credential,
    pub(crate) deadline: Deadline,
    pub(crate) position: QueuePosition,
    /// The callers of one lane are served in order, lanes in turn.
    pub(crate) lane: u64,
    pub(crate) now: Timestamp,
}

/// The waiting of a caller. Dropping it leaves the queue, and passes on a slot that it got meanwhile.
pub(super) struct SlotWait {
    key: Arc<KeyPool>,
    trace: Option<Arc<WaitTrace>>,
    state: WaitState,
    /// True while the caller counts as one that waits.
    counts: bool,
}

enum WaitState {
    New(QueuedCaller),
    Queued(Ticket),
    Over,
}

impl Future for SlotWait {
    type Output = Result<Option<SlotGuard>, AcquireError>;

    // The sweep of the key expires its waiters, so that waiting needs no timer of its own.
    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let ticket = match std::mem::replace(&mut self.state, WaitState::Over) {
            WaitState::New(caller) => return self.join(caller, task),
            WaitState::Queued(ticket) => ticket,
            WaitState::Over => return Poll::Ready(Err(AcquireError::Closed)),
        };
        self.state = WaitState::Queued(ticket);
        let grant = ready!(self.key.poll(ticket, task.waker()));
        self.state = WaitState::Over;
        Poll::Ready(self.served(grant))
    }
}

impl SlotWait {
    pub(super) fn new(
        key: Arc<KeyPool>,
        caller: QueuedCaller,
        trace: Option<Arc<WaitTrace>>,
    ) -> Self {
        Self {
            key,
            trace,
            state: WaitState::New(caller),
            counts: false,
        }
    }

    fn join(
        &mut self,
        caller: QueuedCaller,
        task: &TaskContext<'_>,
    ) -> Poll<Result<Option<SlotGuard>, AcquireError>> {
        let services = &self.key.services;
        let (context, capacity) = (&services.context, &services.capacity);
        let limits = context.config.limits.waiters();
        self.counts = true;
        let is_allowed = capacity.lobby.enter(&self.key.member().account, limits);
        // A caller that lost its turn has waited before.
        if !is_allowed && caller.position == QueuePosition::Back {
            return Poll::Ready(Err(self.overloaded()));
        }
        let (clock, now) = (&context.clock, caller.now);
        let new = NewWaiter {
            lane: caller.lane,
            position: caller.position,
            now,
            deadline: clock.timestamp(caller.deadline.at),
            waker: task.waker(),
            caller: Waiter {
                credential: caller.credential,
                deadline: caller.deadline,
                stage: Stage::Queue,
                trace: self.trace.clone(),
            },
        };
        match self.key.enqueue(new) {
            Admission::Slot(slot) => {
                let guard = SlotGuard::new(Arc::clone(&self.key), slot);
                Poll::Ready(Ok(Some(guard)))
            }
            Admission::Removed => Poll::Ready(Ok(None)),
            Admission::Full => {
                run(&self.key, self.key.shed(now));
                Poll::Ready(Err(self.overloaded()))
            }
            Admission::Queued(ticket, effects) => {
                self.state = WaitState::Queued(ticket);
                run_with(&self.key, effects, &Connects);
                Poll::Pending
            }
        }
    }

    fn served(&self, grant: Option<Grant>) -> Result<Option<SlotGuard>, AcquireError> {
        let slot = grant.unwrap_or(Err(AcquireError::Closed))?;
        Ok(Some(SlotGuard::new(Arc::clone(&self.key), slot)))
    }

    fn overloaded(&self) -> AcquireError {
        AcquireError::Overloaded {
            retry_after: self.key.drain_time(),
        }
    }
}

impl Drop for SlotWait {
    fn drop(&mut self) {
        if let Some(trace) = &self.trace {
            trace.end();
        }
        if self.counts {
            let lobby = &self.key.services.capacity.lobby;
            lobby.leave(&self.key.member().account);
        }
        if let WaitState::Queued(ticket) = self.state {
            for effects in self.key.leave_queue(ticket) {
                run(&self.key, effects);
            }
        }
    }
}
