//! The way to a session where a caller has to wait for one and nothing else is to be done.

use std::sync::Arc;

use tracing::Span;

use super::{
    acquirer::{Acquirer, Turn},
    check::{Fitness, fitness, unless_unfit},
    lease::Lease,
    queue::{QueuedCaller, SlotWait},
};
use crate::{
    acquire::resolve::{RequestParts, Resolved},
    error::AcquireError,
    key::{KeyPool, QueuePosition, SlotGuard, run},
    time::Deadline,
};

impl Acquirer {
    /// A lease for a request that is resolved, where no session is idle. As long as nothing but
    /// waiting is to be done, the future is small and allocates nothing.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
    pub(crate) async fn acquire_next(
        &self,
        resolved: &Resolved,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<Lease, AcquireError> {
        let wait = match self.wait_directly(resolved, parts, deadline) {
            Ok(wait) => wait,
            Err(span) => {
                let acquire =
                    self.acquire_resolved(span, resolved, parts, deadline, Turn::Last);
                return Box::pin(acquire).await;
            }
        };
        let turn = match wait.await {
            Ok(Some(slot)) => match self.admit(slot) {
                Ok(slot) => return Ok(self.lease(slot, || deadline.waited())),
                Err(turn) => turn,
            },
            Ok(None) => Turn::Last,
            Err(error) => {
                self.report_failed(&parts.endpoint, deadline, &error);
                return Err(error);
            }
        };
        let acquire = self.acquire_resolved(Span::none(), resolved, parts, deadline, turn);
        Box::pin(acquire).await
    }

    /// The waiting for a slot of the request's key.
    ///
    /// # Errors
    /// The span of the acquire, where it is recorded or more is to be done than to wait.
    fn wait_directly(
        &self,
        resolved: &Resolved,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<SlotWait, Span> {
        let span = self.span(&parts.endpoint);
        if !span.is_disabled() {
            return Err(span);
        }
        let Some(key) = resolved.only_key_pool() else {
            return Err(span);
        };
        let context = self.context();
        if context.is_closed() || self.jobs.is_closed() {
            return Err(span);
        }
        let credential = parts.credential(resolved.ends_at);
        let now = context.clock.timestamp(deadline.began);
        run(
            key,
            key.note_credential(&credential.headers, credential.ends_at, now),
        );
        if key.credentials.have_ended(now) {
            return Err(span);
        }
        let caller = QueuedCaller {
            credential,
            deadline,
            position: QueuePosition::Back,
            lane: parts.lane(),
                now,
        };
        Ok(SlotWait::new(Arc::<KeyPool>::clone(key), caller, None))
    }

    /// The slot, if its session may be handed out as it is.
    ///
    /// # Errors
    /// How the caller goes on: its session is unfit, or has to be checked.
    fn admit(&self, mut slot: SlotGuard) -> Result<SlotGuard, Turn> {
        let context = self.context();
        let now = self.coarse_now();
        slot.set_acquired_at(now);
        match fitness(context, &slot, now) {
            Fitness::Unproven => Err(Turn::Granted(slot)),
            fitness => unless_unfit(slot, fitness).ok_or(Turn::Lost),
        }
    }
}
