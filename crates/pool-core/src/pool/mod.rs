//! The pool: what users hold, and what it is made of.

mod acquire;
mod attempt;
mod builder;
mod capacity;
mod closer;
mod connect;
mod connectors;
mod counters;
mod detect;
mod dial;
mod endpoint_stats;
mod flight;
mod hub;
mod key_query;
mod key_stats;
mod lease;
mod limit;
mod memo;
mod patience;
mod registry;
mod request;
mod resolve;
mod resolved;
mod revoke;
mod room;
mod shutdown;
mod stats;
mod sweep;
mod upstream;
mod verdict;
mod weak;

use std::{fmt, sync::Arc};

pub use builder::PoolBuilder;
pub(crate) use counters::Counters;
pub use endpoint_stats::EndpointStats;
pub(crate) use hub::Hub;
pub use key_query::{KeyCondition, KeyCursor, KeyOrder, KeyQuery};
pub use key_stats::{KeyError, KeyPage, KeyStats};
pub use lease::Lease;
pub(crate) use limit::Place;
pub(crate) use memo::PrehashedState;
use moka::sync::Cache;
pub(crate) use patience::Patience;
pub use request::AcquireRequest;
pub(crate) use resolved::Resolved;
pub use revoke::EvictReport;
pub use shutdown::CloseReport;
pub use stats::{BreakerStats, PoolStats};
use tokio::time::Instant;
use tracing::Instrument;
pub(crate) use upstream::Upstream;
pub use weak::WeakPool;

use self::{detect::Verdicts, memo::Memo, upstream::Upstreams};
use crate::{
    PoolConfig, PoolKey, PooledClient, bucket::Bucket, error::AcquireError, handler::Profile,
    identity::Identification, trace,
};

/// A pool of MCP client sessions. Cheap to clone; all clones are one pool.
///
/// When the last clone is dropped, idle sessions are closed in the background and those in use when
/// their leases end. To wait for that, call [`close`](Self::close).
#[derive(Clone)]
pub struct SessionPool {
    shared: Arc<Shared>,
}

/// What all clones of a pool share.
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    id: u64,
    buckets: Cache<PoolKey, Arc<Bucket>, PrehashedState>,
    upstreams: Upstreams,
    verdicts: Verdicts,
    memo: Memo,
    identification: Identification,
    profile: Profile,
}

impl SessionPool {
    /// Begins a pool.
    #[must_use]
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    /// The configuration the pool was built with.
    #[must_use]
    pub fn config(&self) -> &PoolConfig {
        &self.shared.hub.config
    }

    /// A session for this request: an idle one, or one that is opened for it, or the first that
    /// comes free where the limits allow no more.
    ///
    /// # Errors
    /// - [`AcquireError::CircuitOpen`]: nothing was free, and the endpoint's circuit is open.
    /// - [`AcquireError::Closed`]: the pool is closed.
    /// - [`AcquireError::Connect`]: nothing was free, and a session could not be opened.
    /// - [`AcquireError::CredentialExpired`]: the caller's credential has ended, and nobody has come
    ///   with a newer one of the same identity.
    /// - [`AcquireError::Identity`]: an extractor failed, under
    ///   [`OnExtractError::Refuse`](crate::config::OnExtractError::Refuse).
    /// - [`AcquireError::NoConnector`]: the endpoint's transport is unknown to the pool, or is to be
    ///   found out and no connector can tell it.
    /// - [`AcquireError::NobodyToAnswer`]: [`Scope::Shared`](crate::Scope::Shared) with handlers
    ///   that declare sampling, elicitation or roots.
    /// - [`AcquireError::NotShareable`]: [`Scope::Shared`](crate::Scope::Shared) for an endpoint
    ///   that was not declared for it.
    /// - [`AcquireError::Timeout`]: the deadline passed; the error says what was waited for.
    ///
    /// # Cancel safety
    /// Safe at every await. A session that is being opened for a caller who leaves is finished in
    /// the background and kept for the next one.
    pub async fn acquire(&self, request: &AcquireRequest) -> Result<Lease, AcquireError> {
        let shared = &self.shared;
        if let Some(resolved) = shared.noted(request).or_else(|| shared.recalled(request))
            && let Some(lease) = shared.hit(resolved, request)
        {
            return Ok(lease);
        }
        Box::pin(self.acquire_slowly(request)).await
    }

    async fn acquire_slowly(&self, request: &AcquireRequest) -> Result<Lease, AcquireError> {
        let patience = self.shared.patience(request);
        let span = trace::acquire(&self.config().name, &request.endpoint);
        let result = async {
            let resolved = self.shared.resolve(request, patience).await?;
            self.shared.obtain(&resolved, request, patience).await
        };
        let result = result.instrument(span.clone()).await;
        trace::note_acquired(&span, &result);
        if let Err(error) = &result {
            self.shared.note_failed(request, error, patience);
        }
        result
    }

    /// The key of a request: what it shares sessions by.
    ///
    /// # Errors
    /// [`AcquireError::Closed`], [`AcquireError::Identity`], [`AcquireError::NobodyToAnswer`],
    /// [`AcquireError::NotShareable`] or [`AcquireError::Timeout`], as [`acquire`](Self::acquire).
    /// For an [`Endpoint::auto`](crate::Endpoint::auto) also [`AcquireError::CircuitOpen`],
    /// [`AcquireError::Connect`] and [`AcquireError::NoConnector`]: its transport may have to be
    /// found out first.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn key(&self, request: &AcquireRequest) -> Result<PoolKey, AcquireError> {
        let patience = self.shared.patience(request);
        let resolved = self.shared.resolve(request, patience).await?;
        self.shared.key_now(&resolved, request, patience).await
    }

    /// A client for this request: its identity and key are worked out once, then each of its calls
    /// takes a session for exactly as long as it needs one.
    ///
    /// # Errors
    /// As [`key`](Self::key). No session is opened yet.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn client(&self, request: AcquireRequest) -> Result<PooledClient, AcquireError> {
        let patience = self.shared.patience(&request);
        let resolved = self.shared.resolve(&request, patience).await?;
        Ok(PooledClient::new(
            Arc::clone(&self.shared),
            request,
            resolved,
        ))
    }

    /// Whether the endpoint of a request can be reached: a session is had, and with
    /// [`PoolConfig::explicit_health_rpc`] it is asked for its tools, exactly once and for at most
    /// [`PoolConfig::health_check_timeout`].
    ///
    /// # Errors
    /// - [`HealthError::Acquire`](crate::error::HealthError::Acquire): no session could be had.
    /// - [`HealthError::Check`](crate::error::HealthError::Check): the session did not answer; it is not
    ///   used again.
    ///
    /// # Cancel safety
    /// Safe at every await; a session under a check that is dropped is kept.
    pub async fn check_endpoint(
        &self,
        request: &AcquireRequest,
    ) -> Result<(), crate::error::HealthError> {
        crate::health::check_endpoint(self, request).await
    }
}

impl Shared {
    pub(crate) fn patience(&self, request: &AcquireRequest) -> Patience {
        let began = Instant::now();
        let timeout = request
            .timeout
            .unwrap_or(self.hub.config.timeouts.acquire_timeout);
        Patience {
            began,
            deadline: crate::expiry::after(began, timeout),
        }
    }

    /// A lease on a session of a key that is known.
    pub(crate) async fn obtain(
        &self,
        resolved: &Resolved,
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<Lease, AcquireError> {
        if let Some(lease) = self.hit(resolved, request) {
            return Ok(lease);
        }
        self.wait(resolved, request, patience).await
    }

    pub(crate) fn note_failed(
        &self,
        request: &AcquireRequest,
        error: &AcquireError,
        patience: Patience,
    ) {
        self.hub.observe(|observer, pool| {
            observer.acquire_failed(&crate::event::AcquireFailed {
                pool,
                endpoint: &request.endpoint,
                error,
                waited: patience.began.elapsed(),
            });
        });
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.shut();
    }
}

impl fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionPool")
            .field("name", &self.config().name)
            .finish_non_exhaustive()
    }
}
