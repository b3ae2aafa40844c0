//! Waiting for a session of a key.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker, ready},
    time::Duration,
};

use http::HeaderMap;
use tracing::Instrument;

use super::{
    connect::Connects,
    wait_cells::{cell_for, keep_cell},
};
use crate::{
    error::{AcquireError, Stage},
    extend::Credential,
    key::{
        Admission, KeyPool, NewWaiter, QueuePosition, SessionCell, SessionSlot, SlotGuard, Ticket,
        Waiter, run, run_with,
    },
    time::{Limit, Timestamp},
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
    key: &Arc<KeyPool>,
    caller: QueuedCaller<'_>,
) -> Result<Option<SlotGuard>, AcquireError> {
    let span = trace::wait(&key.key);
    let trace = EndOfTrace(WaitTrace::of(&span));
    let (mut wait, mut new) = (SlotWait::new(key), Some(caller));
    let wait = poll_fn(|task| match new.take() {
        Some(caller) => wait.join(caller, &trace.0, task.waker()),
        None => wait.poll(task.waker()),
    });
    wait.instrument(span).await
}

/// A caller that is to join the queue of a key.
#[derive(Clone, Copy)]
pub(crate) struct QueuedCaller<'c> {
    /// The credential of its request.
    pub(crate) headers: &'c Arc<HeaderMap>,
    pub(crate) ends_at: Timestamp,
    pub(crate) limit: &'c Limit,
    pub(crate) position: QueuePosition,
    /// The callers of one lane are served in order, lanes in turn.
    pub(crate) lane: u64,
    pub(crate) now: Timestamp,
}

/// The waiting of a caller. Dropping it leaves the queue, and passes on a slot that it got meanwhile.
pub(super) struct SlotWait<'k> {
    key: &'k Arc<KeyPool>,
    /// The caller's place in the queue, while it has one.
    ticket: Option<Ticket>,
    /// Where it finds what it gets.
    cell: Option<SessionCell>,
}

/// What a caller that waits gets: a slot, or `None` when the key was removed.
pub(super) type Waited = Poll<Result<Option<SlotGuard>, AcquireError>>;

/// Ends the spans of a waiting when it is dropped.
struct EndOfTrace(Option<Arc<WaitTrace>>);

impl<'k> SlotWait<'k> {
    pub(super) fn new(key: &'k Arc<KeyPool>) -> Self {
        Self {
            key,
            ticket: None,
            cell: None,
        }
    }

    /// A slot of the key that the caller has [joined](Self::join), once there is one.
    // The sweep of the key expires its waiters, so that waiting needs no timer of its own.
    #[inline(always)]
    pub(super) fn poll(&mut self, waker: &Waker) -> Waited {
        let (Some(ticket), Some(cell)) = (self.ticket, &mut self.cell) else {
            return Poll::Ready(Err(AcquireError::Closed));
        };
        let grant = ready!(self.key.poll(ticket, cell, waker));
        self.ticket = None;
        if let Some(cell) = self.cell.take() {
            keep_cell(cell);
        }
        self.leave_lobby();
        let slot = grant.unwrap_or(Err(AcquireError::Closed));
        Poll::Ready(slot.map(|slot| Some(self.guard(slot))))
    }

    /// Joins the queue of the key. `trace` has the spans of the waiting, where they are recorded.
    #[inline(always)]
    pub(super) fn join(
        &mut self,
        caller: QueuedCaller<'_>,
        trace: &Option<Arc<WaitTrace>>,
        waker: &Waker,
    ) -> Waited {
        // A caller that lost its turn has waited before.
        if !self.enter_lobby() && caller.position == QueuePosition::Back {
            self.leave_lobby();
            return Poll::Ready(Err(self.overloaded()));
        }
        if let Some(wait) = self.wait_in_vain(&caller) {
            self.leave_lobby();
            let retry_after = wait.min(MAX_RETRY_AFTER);
            return Poll::Ready(Err(AcquireError::Overloaded { retry_after }));
        }
        let now = caller.now;
        self.key.returns.note_came(now);
        let cell = self.cell.insert(cell_for(|| Waiter {
            credential: Credential {
                headers: Arc::clone(caller.headers),
                ends_at: caller.ends_at,
            },
            began: caller.limit.began,
            deadline: caller.limit.at,
            stage: Stage::Queue,
            trace: trace.clone(),
        }));
        let admission = self.key.enqueue(NewWaiter {
            lane: caller.lane,
            position: caller.position,
            now,
            deadline: caller.limit.at,
            waker,
            cell,
        });
        if let Admission::Queued(ticket, effects) = admission {
            self.ticket = Some(ticket);
            run_with(self.key, effects, &Connects);
            return Poll::Pending;
        }
        self.leave_lobby();
        Poll::Ready(match admission {
            Admission::Slot(slot) => Ok(Some(self.guard(slot))),
            Admission::Full => {
                run(self.key, self.key.shed(now));
                Err(self.overloaded())
            }
            Admission::Removed | Admission::Queued(..) => Ok(None),
        })
    }

    #[inline(always)]
    fn guard(&self, slot: SessionSlot) -> SlotGuard {
        SlotGuard::new(Arc::clone(self.key), slot)
    }

    #[cold]
    fn overloaded(&self) -> AcquireError {
        AcquireError::Overloaded {
            retry_after: self.key.drain_time(),
        }
    }

    /// How long the caller would wait for the first session of its key, by the pace of an overloaded line,
    /// where that is longer than it can.
    fn wait_in_vain(&self, caller: &QueuedCaller<'_>) -> Option<Duration> {
        let services = &self.key.services;
        let (capacity, target) = (
            &services.capacity,
            services.context.config.limits.shed_delay_target,
        );
        let waits_in_line = capacity.sessions.is_short()
            && caller.position == QueuePosition::Back
            && !target.is_zero()
            && !self.key.has_sessions();
        if !waits_in_line {
            return None;
        }
        let pace = capacity.pace.of_overload(caller.now.nanos(), target)?;
        // Those in line first: a place that is of no use to them brings others forward.
        for _ in 0..SHED_AT_ONCE {
            let wait = |ahead| pace.wait(ahead);
            let Some(shed) = capacity.sessions.hopeless(caller.now.nanos(), wait) else {
                break;
            };
            shed.seeker.shed(shed.due, shed.wait);
        }
        let ahead = capacity.sessions.ahead_of(&self.key.member().account);
        let wait = Duration::from_nanos(pace.wait(ahead)?);
        (wait > caller.limit.at.since(caller.now)).then_some(wait)
    }

    /// Counts the caller as one that waits; `false` when too many do. Either way it is to leave.
    fn enter_lobby(&self) -> bool {
        let services = &self.key.services;
        let limits = services.context.config.limits.waiters();
        let account = &self.key.member().account;
        services.capacity.lobby.enter(account, limits)
    }

    fn leave_lobby(&self) {
        let lobby = &self.key.services.capacity.lobby;
        lobby.leave(&self.key.member().account);
    }
}

impl Drop for SlotWait<'_> {
    #[inline]
    fn drop(&mut self) {
        if let (Some(ticket), Some(cell)) = (self.ticket, &self.cell) {
            self.leave_lobby();
            for effects in self.key.leave_queue(ticket, cell) {
                run(self.key, effects);
            }
        }
    }
}

/// Of each caller that comes, so many others are looked at.
const SHED_AT_ONCE: usize = 4;

/// The longest time after which a caller may come again.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

impl Drop for EndOfTrace {
    fn drop(&mut self) {
        if let Some(trace) = &self.0 {
            trace.end();
        }
    }
}
