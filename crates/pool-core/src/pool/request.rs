//! What somebody asks a pool for.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::HeaderMap;

use super::resolved::Resolved;
use crate::{
    Endpoint, Principal, Scope, credentials::Credential, extend::HandlerFactory, moment::Moment,
};

/// What somebody asks a pool for: which upstream, on whose behalf, with which headers.
///
/// A request may be used again and again; the pool notes in it what it worked out the first time,
/// so that a request kept by the caller costs no hashing from the second acquire on.
///
/// ```
/// use mcp_pool_core::{AcquireRequest, Endpoint, Principal, Scope};
/// let endpoint = Endpoint::streamable_http("https://example.com/mcp")?;
/// let mut headers = http::HeaderMap::new();
/// headers.insert("authorization", "Bearer token".parse().unwrap());
/// let request = AcquireRequest::new(endpoint, Principal::user("alice"))
///     .with_headers(headers)
///     .with_scope(Scope::conversation("c-1"));
/// # Ok::<(), mcp_pool_core::error::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct AcquireRequest {
    pub(crate) endpoint: Endpoint,
    pub(crate) principal: Principal,
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) scope: Scope,
    pub(crate) timeout: Option<Duration>,
    pub(crate) handlers: Option<Arc<dyn HandlerFactory>>,
    pub(super) resolved: OnceLock<Arc<Resolved>>,
}

impl AcquireRequest {
    /// A request for a session with `endpoint` on behalf of `principal`, without headers, for
    /// [`Scope::Identity`].
    #[must_use]
    pub fn new(endpoint: Endpoint, principal: Principal) -> Self {
        Self {
            endpoint,
            principal,
            headers: Arc::default(),
            scope: Scope::default(),
            timeout: None,
            handlers: None,
            resolved: OnceLock::new(),
        }
    }

    /// The headers that authenticate the caller to the upstream. Identity is told from them, and
    /// they are sent upstream, but for those that [`upstream_headers`](crate::extend::upstream_headers)
    /// leaves out.
    #[must_use]
    pub fn with_headers(mut self, headers: impl Into<Arc<HeaderMap>>) -> Self {
        self.headers = headers.into();
        self.anew()
    }

    /// How widely the session may be shared. Default: [`Scope::Identity`].
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self.anew()
    }

    /// How long to wait for a session. Default: [`PoolConfig::acquire_timeout`](crate::PoolConfig).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Who handles what the server sends of its own accord. Default: the pool's factory.
    #[must_use]
    pub fn with_handlers(mut self, handlers: Arc<dyn HandlerFactory>) -> Self {
        self.handlers = Some(handlers);
        self.anew()
    }

    /// The upstream.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// On whose behalf.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What came with it.
    pub(super) fn credential(&self, ends_at: Moment) -> Credential {
        Credential {
            headers: Arc::clone(&self.headers),
            ends_at,
        }
    }

    /// Forgets what a pool worked out of the request as it was.
    fn anew(mut self) -> Self {
        self.resolved = OnceLock::new();
        self
    }
}

impl fmt::Debug for AcquireRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireRequest")
            .field("endpoint", &self.endpoint)
            .field("principal", &self.principal)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
