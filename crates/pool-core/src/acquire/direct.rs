//! The way to a session where a caller has to wait for one and nothing else is to be done.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
    time::Duration,
};

use tracing::Span;

use super::{
    acquirer::{Acquirer, Site},
    check::{Fitness, fitness, unless_unfit},
    lease::Lease,
    queue::{QueuedCaller, SlotWait, Waited},
    slow::Turn,
};
use crate::{
    acquire::resolve::{RequestParts, Resolved},
    error::AcquireError,
    key::{KeyPool, QueuePosition, run},
    time::{Limit, Timestamp},
    trace,
};

/// The acquiring of a lease for a request that is resolved. As long as nothing but waiting is to be
/// done, it is small, allocates nothing and has no future inside.
pub(crate) struct NextLease<'r> {
    acquirer: &'r Acquirer,
    resolved: &'r Resolved,
    parts: &'r RequestParts,
    site: Site,
    way: Way<'r>,
    limit: Limit,
}

enum Way<'r> {
    /// It has not begun. It has a key pool, where the request knows its own, and takes an idle session where
    /// there is one.
    Untried(Option<&'r Arc<KeyPool>>, Duration),
    /// It has not begun, and no session was idle.
    New,
    Direct(SlotWait<'r>),
    Slow(Pin<Box<dyn Future<Output = Result<Lease, AcquireError>> + Send + 'r>>),
}

impl Acquirer {
    /// A lease for a request that is resolved, taken at `site`. `key` is the request's key pool, where it
    /// knows it.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
    #[inline]
    pub(crate) fn acquire<'r>(
        &'r self,
        key: Option<&'r Arc<KeyPool>>,
        resolved: &'r Resolved,
        parts: &'r RequestParts,
        timeout: Duration,
        site: Site,
    ) -> NextLease<'r> {
        NextLease {
            acquirer: self,
            resolved,
            parts,
            site,
            way: Way::Untried(key, timeout),
            limit: Limit::NONE,
        }
    }

    /// A lease for a request that is resolved, where no session is idle.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
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
            site: None,
            way: Way::New,
            limit,
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
        if let Way::Untried(key, timeout) = this.way {
            let (acquirer, resolved, parts) = (this.acquirer, this.resolved, this.parts);
            let hit = match key {
                Some(key) => acquirer.hit_on(key, resolved, parts, this.site),
                None => acquirer.hit(resolved, parts, this.site),
            };
            if let Some(lease) = hit {
                return Poll::Ready(Ok(lease));
            }
            this.limit = acquirer.limit(timeout);
            this.way = Way::New;
        }
        this.poll_next(task)
    }
}

impl<'r> NextLease<'r> {
    #[inline(never)]
    fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<Result<Lease, AcquireError>> {
        let waited = match &mut self.way {
            Way::Direct(wait) => wait.poll(task.waker()),
            Way::New => match self.begin(task) {
                Some(waited) => waited,
                None => return self.poll_slowly(task),
            },
            Way::Slow(_) | Way::Untried(..) => return self.poll_slowly(task),
        };
        match ready!(waited) {
            Ok(Some(slot)) => {
                let mut lease = Lease::unchecked(slot);
                let (acquirer, slot) = (self.acquirer, lease.slot_mut());
                let now = acquirer.coarse_now();
                slot.set_acquired_at(now);
                let fitness = fitness(acquirer.context(), slot, now);
                if fitness == Fitness::Fit && slot.is_current() {
                    lease.hand_out();
                    return Poll::Ready(Ok(match acquirer.context().is_plain() {
                        true => lease,
                        false => self.reported(lease),
                    }));
                }
                self.go_on_with_unfit(lease, fitness);
            }
            Ok(None) => self.go_on(Span::none(), Turn::Last),
            Err(error) => {
                self.report_failed(&error);
                return Poll::Ready(Err(error));
            }
        }
        self.poll_slowly(task)
    }

    /// The lease, reported and watched where the pool does so.
    #[inline(never)]
    fn reported(&self, lease: Lease) -> Lease {
        let acquirer = self.acquirer;
        let waited = || self.limit.deadline(&acquirer.context().clock).waited();
        acquirer.report_acquired(&lease, waited);
        acquirer.watched(lease, self.site)
    }

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
    fn go_on_with_unfit(&mut self, lease: Lease, fitness: Fitness) {
        let Some(slot) = lease.into_slot() else {
            return self.go_on(Span::none(), Turn::Lost);
        };
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
        let Way::Slow(acquire) = &mut self.way else {
            return Poll::Ready(Err(AcquireError::Closed));
        };
        let lease = ready!(acquire.as_mut().poll(task))?;
        Poll::Ready(Ok(self.acquirer.watched(lease, self.site)))
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
