//! The pool, as users hold it.

use std::{fmt, panic::Location, sync::Arc};

use rmcp::{RoleClient, service::Peer};

use crate::{
    acquire::{AcquireRequest, Acquirer, Lease, shrink},
    client::PooledClient,
    config::PoolConfig,
    error::{AcquireError, ConnectError, HealthError},
    extend::{CloseReason, Probe, ProbePlan},
    types::PoolKey,
};

/// A pool of MCP client sessions. Cheap to clone; all clones are one pool.
///
/// When the last clone and the last client are dropped, idle sessions are closed in the background,
/// and sessions in use with the end of their leases. [`close`](Self::close) waits for that.
#[derive(Clone)]
pub struct SessionPool {
    pub(crate) acquirer: Arc<Acquirer>,
}

impl SessionPool {
    pub(crate) fn new(acquirer: Arc<Acquirer>) -> Self {
        Self { acquirer }
    }

    /// The configuration that the pool was built with.
    #[must_use]
    pub fn config(&self) -> &PoolConfig {
        &self.acquirer.context().config
    }

    /// A session for this request: an idle one, or one that is opened for it, or the first that is
    /// released where the limits allow no more.
    ///
    /// # Errors
    /// - [`AcquireError::CircuitOpen`]: no session was idle, and the circuit of the endpoint is open.
    /// - [`AcquireError::Closed`]: the pool is closed.
    /// - [`AcquireError::Connect`]: no session was idle, and none could be opened.
    /// - [`AcquireError::CredentialExpired`]: the caller's credential has expired, and no request of
    ///   the same identity has brought a newer one.
    /// - [`AcquireError::Identity`]: an extractor failed, under
    ///   [`OnExtractError::Refuse`](crate::config::OnExtractError::Refuse).
    /// - [`AcquireError::NoConnector`]: the pool has no connector for the endpoint's transport, or,
    ///   for [`Endpoint::auto`](crate::Endpoint::auto), none that can detect its transport.
    /// - [`AcquireError::NoCaller`]: [`Scope::Shared`](crate::Scope::Shared) with handlers that
    ///   declare sampling, elicitation or roots.
    /// - [`AcquireError::NotShareable`]: [`Scope::Shared`](crate::Scope::Shared) for an endpoint that
    ///   was not declared stateless and public.
    /// - [`AcquireError::Overloaded`]: too many callers wait already, or this one could not be served
    ///   before its deadline.
    /// - [`AcquireError::SessionLost`]: the session of the conversation is gone, with its state.
    /// - [`AcquireError::Timeout`]: the deadline passed; the error names the stage.
    /// - [`AcquireError::UnsupportedScheme`]: the transport does not claim the scheme of the URL,
    ///   or no transport does.
    ///
    /// # Cancel safety
    /// Safe at every await. The pool finishes a connect whose caller leaves, and keeps the session.
    #[track_caller]
    pub fn acquire<'a>(
        &'a self,
        request: &'a AcquireRequest,
    ) -> impl Future<Output = Result<Lease, AcquireError>> + Send + use<'a> {
        let (acquirer, site) = (&self.acquirer, Some(Location::caller()));
        async move {
            let Some(resolved) = acquirer.resolver.cached(request) else {
                let deadline = acquirer.deadline(request);
                let lease = Box::pin(acquirer.acquire_slowly(request, deadline)).await?;
                return Ok(acquirer.watched(lease, site));
            };
            let timeout = acquirer.timeout(request);
            acquirer
                .acquire(None, resolved, &request.parts, timeout, site)
                .await
        }
    }

    /// An idle session for this request, without waiting, connecting or checking. `None` when no
    /// session is idle, when the idle one is due for a check, and when the pool has not yet resolved
    /// an equal request: [`resolve_key`](Self::resolve_key) does that.
    #[must_use]
    #[track_caller]
    pub fn try_acquire(&self, request: &AcquireRequest) -> Option<Lease> {
        self.acquirer.try_acquire(request, Some(Location::caller()))
    }

    /// Runs `work` with rmcp's client side of a session. The session is released afterwards, also
    /// when the future is dropped.
    ///
    /// An error of rmcp that `work` returns is not seen by the pool: take a [`Lease`] and
    /// [`classify`](Lease::classify) it, or use a [`PooledClient`], where a failed session must not
    /// be used again.
    ///
    /// ```
    /// # use mcp_pool_core::{AcquireRequest, SessionPool, error::AcquireError};
    /// # async fn example(pool: SessionPool, request: AcquireRequest) -> Result<(), AcquireError> {
    /// let tools = pool
    ///     .with_session(&request, async |peer| peer.list_all_tools().await)
    ///     .await?;
    /// # drop(tools);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire) until `work` begins; then as `work`.
    pub async fn with_session<T>(
        &self,
        request: &AcquireRequest,
        work: impl AsyncFnOnce(&Peer<RoleClient>) -> T,
    ) -> Result<T, AcquireError> {
        let lease = self.acquire(request).await?;
        let peer = lease.session().peer().await.map_err(|failure| {
            let error = ConnectError::new(failure.kind().clone());
            AcquireError::Connect(Arc::new(error))
        })?;
        Ok(work(&peer).await)
    }

    /// Resolves the key of a request: identifies the caller, detects the transport where it is open,
    /// and creates the key if the pool does not know it. It opens no session.
    ///
    /// # Errors
    /// [`AcquireError::Closed`], [`AcquireError::Identity`], [`AcquireError::NoCaller`],
    /// [`AcquireError::NotShareable`], [`AcquireError::Timeout`] or
    /// [`AcquireError::UnsupportedScheme`], as [`acquire`](Self::acquire).
    /// For an [`Endpoint::auto`](crate::Endpoint::auto) also [`AcquireError::CircuitOpen`],
    /// [`AcquireError::Connect`] and [`AcquireError::NoConnector`], since its transport may have to be
    /// detected.
    ///
    /// # Cancel safety
    /// Safe; a dropped call keeps nothing.
    pub async fn resolve_key(&self, request: &AcquireRequest) -> Result<PoolKey, AcquireError> {
        let resolver = &self.acquirer.resolver;
        let deadline = self.acquirer.deadline(request);
        let resolved = resolver.resolve(request, deadline).await?;
        resolver.key(&resolved, &request.parts, deadline).await
    }

    /// A client for this request. The identity and the key of the caller are resolved once; each call
    /// then takes a session for exactly as long as it needs one.
    ///
    /// # Errors
    /// As [`resolve_key`](Self::resolve_key). No session is opened yet.
    ///
    /// # Cancel safety
    /// Safe; a dropped call keeps nothing.
    pub async fn client(&self, mut request: AcquireRequest) -> Result<PooledClient, AcquireError> {
        shrink(&mut request.parts.headers);
        let deadline = self.acquirer.deadline(&request);
        let resolved = self.acquirer.resolver.resolve(&request, deadline).await?;
        Ok(PooledClient::new(
            Arc::clone(&self.acquirer),
            request,
            resolved,
        ))
    }

    /// Checks that the endpoint of a request works: acquires a session, and with
    /// [`explicit_health_rpc`](crate::config::HealthConfig::explicit_health_rpc) sends exactly one
    /// `tools/list`, for at most
    /// [`health_check_timeout`](crate::config::HealthConfig::health_check_timeout).
    ///
    /// # Errors
    /// - [`HealthError::Acquire`]: no session could be acquired.
    /// - [`HealthError::Check`]: the session did not answer; it is closed.
    ///
    /// # Cancel safety
    /// Safe at every await; the session under a dropped check is kept.
    pub async fn check_endpoint(&self, request: &AcquireRequest) -> Result<(), HealthError> {
        let lease = self.acquire(request).await;
        let lease = lease.map_err(|error| HealthError::Acquire(Arc::new(error)))?;
        let health = &self.config().health;
        if !health.explicit_health_rpc {
            return Ok(());
        }
        let plan = ProbePlan::new([Probe::ListTools], health.health_check_timeout);
        if let Err(error) = plan.run(lease.session()).await {
            lease.discard_broken(CloseReason::CheckFailed);
            return Err(HealthError::Check(error));
        }
        Ok(())
    }

    /// True once the pool is closed or closing.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.acquirer.context().is_closed()
    }
}

impl fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionPool")
            .field("name", &self.config().name)
            .finish_non_exhaustive()
    }
}
