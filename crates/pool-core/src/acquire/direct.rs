//! The way to a session where a caller has to wait for one and nothing else is to be done.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
    time::Duration,
};

use tracing::Span;

use super::{
    acquirer::Acquirer,
    check::{Fitness, fitness, unless_unfit},
    lease::Lease,
    queue::{QueuedCaller, SlotWait, Waited},
    slow::Turn,
};
use crate::{
    acquire::resolve::{RequestParts, Resolved},
    error::AcquireError,
    key::{KeyPool, QueuePosition, SlotGuard, run},
    time::{Limit, Timestamp},
    trace,
};

/// The waiting for a lease of a request that is resolved. As long as nothing but waiting is to be
/// done, it is small, allocates nothing and has no future inside.
pub(crate) struct NextLease<'r> {
    acquirer: &'r Acquirer,
    resolved: &'r Resolved,
    parts: &'r RequestParts,
    limit: Limit,
    way: Way<'r>,
}

enum Way<'r> {
    /// It has not begun.
    New,
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
        limit: Limit,
    ) -> NextLease<'r> {
        NextLease {
            acquirer: self,
            resolved,
            parts,
            limit,
            way: Way::New,
        }
    }

    /// The limit of an acquire that begins now. A long one is measured by the coarse clock.
    #[inline]
    pub(crate) fn limit(&self, timeout: Duration) -> Limit {
        let now = match timeout >= LONG {
            true => self.coarse_now(),
            false => self.context().clock.now(),
        };
        Limit::after(now, timeout)
    }

    /// The key whose queue the caller may join.
    ///
    /// # Errors
    /// The span of the acquire, where it is recorded or more is to be done than to wait.
    #[inline]
    fn direct_key<'r>(
        &self,
        resolved: &'r Resolved,
        parts: &RequestParts,
        now: Timestamp,
    ) -> Result<&'r Arc<KeyPool>, Span> {
        let span = || self.span(&parts.endpoint);
        if trace::is_any_recorded() {
            let span = span();
            if !span.is_disabled() {
                return Err(span);
            }
        }
        let Some(key) = resolved.only_key_pool() else {
            return Err(span());
        };
        let context = self.context();
        if key.call_seats().is_some() || context.is_closed() || self.jobs.is_closed() {
            return Err(span());
        }
        run(
            key,
            key.note_credential(&parts.headers, || resolved.ends_at, now),
        );
        match key.credentials.have_ended(now) {
            true => Err(span()),
            false => Ok(key),
        }
    }
}

impl Future for NextLease<'_> {
    type Output = Result<Lease, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let waited = match &mut this.way {
            Way::Direct(wait) => wait.poll(task.waker()),
            Way::New => match this.begin(task) {
                Some(waited) => waited,
                None => return this.poll_slowly(task),
            },
            Way::Slow(_) => return this.poll_slowly(task),
        };
        match ready!(waited) {
            Ok(Some(mut slot)) => {
                let acquirer = this.acquirer;
                let now = acquirer.coarse_now();
                slot.set_acquired_at(now);
                let fitness = fitness(acquirer.context(), &slot, now);
                if fitness == Fitness::Fit && slot.is_current() {
                    let waited = || this.limit.deadline(&acquirer.context().clock).waited();
                    return Poll::Ready(Ok(acquirer.lease(slot, waited)));
                }
                this.go_on_with_unfit(slot, fitness);
            }
            Ok(None) => this.go_on(Span::none(), Turn::Last),
            Err(error) => {
                this.report_failed(&error);
                return Poll::Ready(Err(error));
            }
        }
        this.poll_slowly(task)
    }
}

impl<'r> NextLease<'r> {
    /// Joins the queue of the key. `None` where more is to be done than to wait.
    #[inline]
    fn begin(&mut self, task: &TaskContext<'_>) -> Option<Waited> {
        let parts = self.parts;
        let key = match self
            .acquirer
            .direct_key(self.resolved, parts, self.limit.began)
        {
            Ok(key) => key,
            Err(span) => {
                self.go_on(span, Turn::Last);
                return None;
            }
        };
        self.way = Way::Direct(SlotWait::new(key));
        let Way::Direct(wait) = &mut self.way else {
            return None;
        };
        let caller = QueuedCaller {
            headers: &parts.headers,
            ends_at: self.resolved.ends_at,
            limit: &self.limit,
            position: QueuePosition::Back,
            lane: parts.lane(),
            now: self.limit.began,
        };
        Some(wait.join(caller, &None, task.waker()))
    }

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
        self.go_on(Span::none(), turn);
    }

    #[cold]
    fn go_on(&mut self, span: Span, turn: Turn) {
        let (acquirer, resolved, parts) = (self.acquirer, self.resolved, self.parts);
        let deadline = self.limit.deadline(&acquirer.context().clock);
        let acquire = acquirer.acquire_resolved(span, resolved, parts, deadline, turn);
        self.way = Way::Slow(Box::pin(acquire));
    }

    #[inline(never)]
    fn poll_slowly(&mut self, task: &mut TaskContext<'_>) -> Poll<Result<Lease, AcquireError>> {
        match &mut self.way {
            Way::Slow(acquire) => acquire.as_mut().poll(task),
            Way::New | Way::Direct(_) => Poll::Ready(Err(AcquireError::Closed)),
        }
    }

    #[cold]
    fn report_failed(&self, error: &AcquireError) {
        let deadline = self.limit.deadline(&self.acquirer.context().clock);
        self.acquirer
            .report_failed(&self.parts.endpoint, deadline, error);
    }
}

/// A time limit from which on the error of the coarse clock is nothing.
const LONG: Duration = Duration::from_secs(10);
