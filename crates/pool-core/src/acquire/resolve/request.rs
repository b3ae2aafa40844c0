//! The request for a session.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::HeaderMap;

use super::{request_parts::RequestParts, resolved::Resolved, spare_room::no_headers};
use crate::{
    handler::HandlerFactory,
    types::{Endpoint, Identity, Principal, Scope},
};

/// The request for a session: the upstream, the caller, and the headers of the caller.
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
    pub(crate) parts: RequestParts,
    pub(crate) timeout: Option<Duration>,
    pub(crate) resolved: OnceLock<Arc<Resolved>>,
}

impl AcquireRequest {
    /// A request for a session with `endpoint` on behalf of `principal`, without headers, for
    /// [`Scope::Identity`].
    #[must_use]
    pub fn new(endpoint: Endpoint, principal: Principal) -> Self {
        Self {
            parts: RequestParts {
                endpoint,
                principal,
                headers: no_headers(),
                identity: None,
                scope: Scope::default(),
                handlers: None,
                caller: None,
                lane: OnceLock::new(),
            },
            timeout: None,
            resolved: OnceLock::new(),
        }
    }

    /// The headers that authenticate the caller to the upstream. The identity follows from them,
    /// and they are sent upstream, except those that
    /// [`upstream_headers`](crate::extend::upstream_headers) removes.
    #[must_use]
    pub fn with_headers(mut self, headers: impl Into<Arc<HeaderMap>>) -> Self {
        self.parts.headers = headers.into();
        self.unresolved()
    }

    /// The identity, where it is known already: that of a token that was verified when the request came
    /// in. The pool then asks no extractor. Default: the pool works it out of the headers.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.parts.identity = Some(identity);
        self.unresolved()
    }

    /// How widely the session may be shared. Default: [`Scope::Identity`].
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.parts.scope = scope;
        self.unresolved()
    }

    /// How long to wait for a session. Default: [`PoolConfig::acquire_timeout`](crate::PoolConfig).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The caller among those of one key, such as a conversation or a job. Where callers have to wait
    /// for a session of the key, each of them is served in turn, however many requests one of them
    /// makes. Default: the principal is one caller.
    #[must_use]
    pub fn with_caller(mut self, caller: impl Into<Arc<str>>) -> Self {
        self.parts.caller = Some(caller.into());
        self.parts.lane = OnceLock::new();
        self
    }

    /// Who handles what the server sends of its own accord. Default: the pool's factory.
    #[must_use]
    pub fn with_handlers(mut self, handlers: Arc<dyn HandlerFactory>) -> Self {
        self.parts.handlers = Some(handlers);
        self.unresolved()
    }

    /// The upstream.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.parts.endpoint
    }

    /// The caller.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.parts.principal
    }

    /// Drops the resolution of the request as it was before a change.
    fn unresolved(mut self) -> Self {
        self.resolved = OnceLock::new();
        self
    }
}

impl fmt::Debug for AcquireRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireRequest")
            .field("endpoint", &self.parts.endpoint)
            .field("principal", &self.parts.principal)
            .field("scope", &self.parts.scope)
            .finish_non_exhaustive()
    }
}
