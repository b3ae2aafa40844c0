//! The way to a session where a caller has to wait for one and nothing else is to be done.

use std::{
    pin::Pin,
    task::{Context as TaskContext, Poll, ready},
};

use tracing::Span;

use super::{
    acquirer::Acquirer,
    check::{Fitness, fitness, unless_unfit},
    lease::Lease,
    queue::{QueuedCaller, SlotWait},
    slow::Turn,
};
use crate::{
    acquire::resolve::{RequestParts, Resolved},
    error::AcquireError,
    key::{QueuePosition, SlotGuard, run},
    time::Deadline,
};

/// The waiting for a lease of a request that is resolved. As long as nothing but waiting is to be
/// done, it is small, allocates nothing and has no future inside.
pub(crate) struct NextLease<'r> {
    acquirer: &'r Acquirer,
    resolved: &'r Resolved,
    parts: &'r RequestParts,
    deadline: Deadline,
    way: Way<'r>,
}

enum Way<'r> {
    Direct(SlotWait<'r>),
    Slow(Pin<Box<dyn Future<Output = Result<Lease, AcquireError>> + Send + 'r>>),
}

impl Acquirer {
    /// A lease for a request that is resolved, where no session is idle.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
    #[inline]
    pub(crate) fn acquire_next<'r>(
        &'r self,
        resolved: &'r Resolved,
        parts: &'r RequestParts,
        deadline: Deadline,
    ) -> NextLease<'r> {
        let way = match self.wait_directly(resolved, parts, deadline) {
            Ok(wait) => Way::Direct(wait),
            Err(span) => {
                let acquire = self.acquire_resolved(span, resolved, parts, deadline, Turn::Last);
                Way::Slow(Box::pin(acquire))
            }
        };
        NextLease {
            acquirer: self,
            resolved,
            parts,
            deadline,
            way,
        }
    }

    /// The waiting for a slot of the request's key.
    ///
    /// # Errors
    /// The span of the acquire, where it is recorded or more is to be done than to wait.
    #[inline]
    fn wait_directly<'r>(
        &self,
        resolved: &'r Resolved,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<SlotWait<'r>, Span> {
        let span = self.span(&parts.endpoint);
        if !span.is_disabled() {
            return Err(span);
        }
        let Some(key) = resolved.only_key_pool() else {
            return Err(span);
        };
        if key.call_seats().is_some() {
            return Err(span);
        }
        let context = self.context();
        if context.is_closed() || self.jobs.is_closed() {
            return Err(span);
        }
        let now = context.clock.timestamp(deadline.began);
        run(
            key,
            key.note_credential(&parts.headers, || resolved.ends_at, now),
        );
        if key.credentials.have_ended(now) {
            return Err(span);
        }
        let caller = QueuedCaller {
            credential: parts.credential(resolved.ends_at),
            began: now,
            deadline: context.clock.timestamp(deadline.at),
            position: QueuePosition::Back,
            lane: parts.lane(),
            now,
        };
        Ok(SlotWait::new(key, caller))
    }
}

impl Future for NextLease<'_> {
    type Output = Result<Lease, AcquireError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Way::Direct(wait) = &mut this.way {
            match ready!(wait.poll(&None, task)) {
                Ok(Some(mut slot)) => {
                    let acquirer = this.acquirer;
                    let now = acquirer.coarse_now();
                    slot.set_acquired_at(now);
                    let fitness = fitness(acquirer.context(), &slot, now);
                    if fitness == Fitness::Fit && slot.is_current() {
                        let deadline = this.deadline;
                        return Poll::Ready(Ok(acquirer.lease(slot, || deadline.waited())));
                    }
                    this.go_on_with_unfit(slot, fitness);
                }
                Ok(None) => this.go_on(Turn::Last),
                Err(error) => {
                    let (endpoint, deadline) = (&this.parts.endpoint, this.deadline);
                    this.acquirer.report_failed(endpoint, deadline, &error);
                    return Poll::Ready(Err(error));
                }
            }
        }
        match &mut this.way {
            Way::Slow(acquire) => acquire.as_mut().poll(task),
            Way::Direct(_) => Poll::Ready(Err(AcquireError::Closed)),
        }
    }
}

impl NextLease<'_> {
    /// Goes on after a session that is unfit, or has to be checked.
    #[cold]
    fn go_on_with_unfit(&mut self, slot: SlotGuard, fitness: Fitness) {
        let turn = match fitness {
            Fitness::Unproven => Turn::Granted(slot),
            fitness => match unless_unfit(slot, fitness) {
                Some(slot) => Turn::Granted(slot),
                None => Turn::Lost,
            },
        };
        self.go_on(turn);
    }

    #[cold]
    fn go_on(&mut self, turn: Turn) {
        let (acquirer, resolved) = (self.acquirer, self.resolved);
        let (parts, deadline) = (self.parts, self.deadline);
        let acquire = acquirer.acquire_resolved(Span::none(), resolved, parts, deadline, turn);
        self.way = Way::Slow(Box::pin(acquire));
    }
}
