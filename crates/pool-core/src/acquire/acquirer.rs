//! How a caller gets a session: at once where one is idle, otherwise by waiting.

use std::{sync::Arc, time::Duration};

use tracing::{Instrument, Span};

use super::{
    check::{Fitness, fit, fitness, turn_down},
    lease::Lease,
    queue::{QueuedCaller, next_slot},
};
use crate::{
    acquire::resolve::{AcquireRequest, RequestParts, Resolved, Resolver, Route},
    context::Context,
    detect::Detector,
    error::{AcquireError, FaultKind},
    extend::{AcquireFailed, Acquired},
    key::{Job, JobSender, KeyMap, KeyServices, QueuePosition, SlotGuard, run},
    time::{Deadline, Timestamp},
    trace,
    types::Endpoint,
    upstream::Upstreams,
};

/// Acquires sessions. Every clone of a pool and every client of it holds the same one.
///
/// When the last of them is dropped, idle sessions are closed in the background, and sessions in use
/// with the end of their leases.
pub(crate) struct Acquirer {
    pub(crate) services: Arc<KeyServices>,
    /// Keeps the maintenance task alive.
    pub(crate) jobs: JobSender,
    pub(crate) keys: Arc<KeyMap>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) resolver: Resolver,
    pub(crate) detector: Arc<Detector>,
}

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
    #[inline]
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.services.context
    }

    /// The deadline of an acquire that begins now.
    pub(crate) fn deadline(&self, request: &AcquireRequest) -> Deadline {
        let default = self.context().config.timeouts.acquire_timeout;
        Deadline::after(request.timeout.unwrap_or(default))
    }

    /// A lease on an idle session of a request that was resolved before.
    #[inline(always)]
    pub(crate) fn try_acquire(&self, request: &AcquireRequest) -> Option<Lease> {
        let resolved = self.resolver.cached(request)?;
        self.hit(resolved, &request.parts)
    }

    /// A lease without waiting: the whole way of a hit.
    #[inline(always)]
    pub(crate) fn hit(&self, resolved: &Resolved, parts: &RequestParts) -> Option<Lease> {
        let context = self.context();
        let mut slot = resolved.take()?;
        let now = self.coarse_now();
        slot.set_acquired_at(now);
        let key = slot.key();
        run(
            key,
            key.note_credential(&parts.headers, resolved.ends_at, now),
        );
        match fitness(context, &slot, now) {
            Fitness::Fit => Some(self.lease(slot, || Duration::ZERO)),
            fitness => {
                turn_down(slot, fitness);
                None
            }
        }
    }

    /// Now, as exactly as the expiry of sessions and credentials needs it.
    #[inline]
    pub(super) fn coarse_now(&self) -> Timestamp {
        let context = self.context();
        match context.is_coarse() {
            true => context.coarse_clock.now(|| self.jobs.send(Job::Tick)),
            false => context.clock.now(),
        }
    }

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
            if let Some(lease) = self.hit(&resolved, &request.parts) {
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

    /// The span of an acquire that is no hit.
    pub(super) fn span(&self, endpoint: &Endpoint) -> Span {
        trace::acquire(&self.context().config.name, endpoint)
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

    #[cold]
    pub(super) fn report_failed(
        &self,
        endpoint: &Endpoint,
        deadline: Deadline,
        error: &AcquireError,
    ) {
        self.context().events.emit(|observer, pool| {
            observer.acquire_failed(&AcquireFailed {
                pool,
                endpoint,
                error,
                waited: deadline.waited(),
            });
        });
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
        loop {
            let position = match turn {
                // The caller lost its turn to a session that was unfit.
                Turn::Lost => QueuePosition::Front,
                Turn::Last => QueuePosition::Back,
                Turn::Granted(slot) => match fit(context, slot, deadline).await? {
                    Some(slot) => return Ok(self.lease(slot, || deadline.waited())),
                    None => QueuePosition::Front,
                },
            };
            if context.is_closed() || self.jobs.is_closed() {
                return Err(AcquireError::Closed);
            }
            let key = resolved.key_pool();
            let (credential, now) = (parts.credential(resolved.ends_at), context.clock.now());
            run(
                &key,
                key.note_credential(&credential.headers, credential.ends_at, now),
            );
            if key.credentials.have_ended(now) {
                return Err(AcquireError::CredentialExpired);
            }
            let caller = QueuedCaller {
                credential: credential.clone(),
                began: context.clock.timestamp(deadline.began),
                deadline: context.clock.timestamp(deadline.at),
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

    /// A lease on a session that is fit.
    #[inline]
    pub(super) fn lease(&self, slot: SlotGuard, waited: impl FnOnce() -> Duration) -> Lease {
        let pooled = slot.session();
        pooled.count_use();
        self.context().events.emit(|observer, pool| {
            observer.acquired(&Acquired {
                pool,
                key: &pooled.key,
                hit: !slot.is_fresh(),
                waited: waited(),
            });
        });
        Lease::new(slot)
    }

    /// Closes the pool for new requests and every key. Returns how many callers waited.
    pub(crate) fn close(&self) -> u64 {
        self.context().close();
        self.services.detected.close();
        self.upstreams.close();
        self.services.capacity.close();
        let keys_missing = self.services.missing_keys.close() as u64;
        let mut turned_away = self.detector.close() + keys_missing;
        for key in self.keys.iter() {
            let Some(closed) = key.close() else {
                continue;
            };
            let counts = closed.hit_counts;
            self.context().counters.keep(counts.hits, counts.misses);
            turned_away += closed.turned_away;
            run(&key, closed.effects);
        }
        turned_away
    }
}

impl Drop for Acquirer {
    fn drop(&mut self) {
        self.close();
    }
}

/// True when a failed connect shows that the server speaks another transport.
fn denies_transport(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Connect(error)
        if matches!(error.kind(), FaultKind::NotFound | FaultKind::Protocol))
}
