//! The slow way to a session: whatever it takes.

use tracing::{Instrument, Span};

use super::{
    acquirer::Acquirer,
    check::fit,
    lease::Lease,
    queue::{QueuedCaller, next_slot},
};
use crate::{
    acquire::resolve::{AcquireRequest, RequestParts, Resolved, Route},
    error::{AcquireError, FaultKind},
    key::{QueuePosition, SlotGuard, run},
    time::{Deadline, Limit},
    trace,
    types::Endpoint,
};

/// How far a caller has come that waits for a session of its key.
pub(super) enum Turn {
    /// It is to queue behind all others.
    Last,
    /// It is to be served next.
    Lost,
    /// It has a slot, whose session may be unfit.
    Granted(SlotGuard),
}

impl Acquirer {
    /// A lease for a request, whatever it takes.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
    pub(crate) async fn acquire_slowly(
        &self,
        request: &AcquireRequest,
        deadline: Deadline,
    ) -> Result<Lease, AcquireError> {
        let acquire = async {
            let resolved = self.resolver.resolve(request, deadline).await?;
            if let Some(lease) = self.hit(&resolved, &request.parts, None) {
                return Ok(lease);
            }
            let from = Turn::Last;
            self.wait(&resolved, &request.parts, deadline, from).await
        };
        let span = self.span(&request.parts.endpoint);
        self.traced(span, &request.parts.endpoint, deadline, acquire)
            .await
    }

    /// A lease for a request that is resolved, whatever it takes.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
    pub(super) async fn acquire_resolved(
        &self,
        span: Span,
        resolved: &Resolved,
        parts: &RequestParts,
        deadline: Deadline,
        from: Turn,
    ) -> Result<Lease, AcquireError> {
        let wait = self.wait(resolved, parts, deadline, from);
        self.traced(span, resolved.latest_key().endpoint(), deadline, wait)
            .await
    }

    /// Runs an acquire in its span and reports its failure.
    async fn traced(
        &self,
        span: Span,
        endpoint: &Endpoint,
        deadline: Deadline,
        acquire: impl Future<Output = Result<Lease, AcquireError>>,
    ) -> Result<Lease, AcquireError> {
        let result = acquire.instrument(span.clone()).await;
        match &result {
            Ok(lease) => trace::note_acquired(&span, lease.is_fresh()),
            Err(error) => {
                trace::note_error(&span, error.label());
                self.report_failed(endpoint, deadline, error);
            }
        }
        result
    }

    async fn wait(
        &self,
        resolved: &Resolved,
        parts: &RequestParts,
        deadline: Deadline,
        from: Turn,
    ) -> Result<Lease, AcquireError> {
        match &resolved.route {
            None => self.wait_over(resolved, parts, deadline, from).await,
            Some(route) => self.wait_routed(resolved, route, parts, deadline).await,
        }
    }

    /// A lease over the detected transport. When the server denies it, the transport is detected
    /// again, once.
    async fn wait_routed(
        &self,
        root: &Resolved,
        route: &Route,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<Lease, AcquireError> {
        let credential = parts.credential(root.ends_at);
        let first = self
            .resolver
            .route(root, route, &credential, deadline)
            .await?;
        let result = self
            .wait_over(first.resolved, parts, deadline, Turn::Last)
            .await;
        if !result.as_ref().is_err_and(denies_transport) {
            return result;
        }
        route.known.invalidate(first.detected);
        let second = self
            .resolver
            .route(root, route, &credential, deadline)
            .await?;
        match second.detected.position() == first.detected.position() {
            true => result,
            false => {
                self.wait_over(second.resolved, parts, deadline, Turn::Last)
                    .await
            }
        }
    }

    /// A lease over the transport of the request's key.
    async fn wait_over(
        &self,
        resolved: &Resolved,
        parts: &RequestParts,
        deadline: Deadline,
        mut turn: Turn,
    ) -> Result<Lease, AcquireError> {
        let context = self.context();
        let mut call = None;
        loop {
            let position = match turn {
                // The caller lost its turn to a session that was unfit.
                Turn::Lost => QueuePosition::Front,
                Turn::Last => QueuePosition::Back,
                Turn::Granted(slot) => match fit(context, slot, deadline).await? {
                    Some(slot) => {
                        let lease = self.lease(slot, || deadline.waited());
                        return Ok(lease.with_call(call));
                    }
                    None => QueuePosition::Front,
                },
            };
            if context.is_closed() || self.jobs.is_closed() {
                return Err(AcquireError::Closed);
            }
            let key = resolved.key_pool();
            if call.is_none() {
                // Before the session, which others may use meanwhile.
                call = self.call_permit(&key, parts, deadline).await?;
            }
            let (credential, now) = (parts.credential(resolved.ends_at), context.clock.now());
            run(
                &key,
                key.note_credential(&credential.headers, || credential.ends_at, now),
            );
            if key.credentials.have_ended(now) {
                return Err(AcquireError::CredentialExpired);
            }
            let caller = QueuedCaller {
                headers: &credential.headers,
                ends_at: credential.ends_at,
                limit: &Limit::of(deadline, &context.clock),
                position,
                lane: parts.lane(),
                now,
            };
            turn = match next_slot(&key, caller).await? {
                Some(slot) => Turn::Granted(slot),
                None => {
                    self.resolver
                        .replace_removed(resolved, &credential, deadline)
                        .await?;
                    match position {
                        QueuePosition::Front => Turn::Lost,
                        QueuePosition::Back => Turn::Last,
                    }
                }
            };
        }
    }
}

/// True when a failed connect shows that the server speaks another transport.
fn denies_transport(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Connect(error)
        if matches!(error.kind(), FaultKind::NotFound | FaultKind::Protocol))
}
