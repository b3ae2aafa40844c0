//! A caller's view of a pool: calls, each on a session that it holds no longer than it must.

use std::{fmt, panic::Location, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName};
use rmcp::model::ProgressNotificationParam;

use super::send::RemainingTimeKey;
use crate::{
    acquire::{AcquireRequest, Acquirer, Lease, RequestParts, Resolved, Site, shrink},
    context::Context,
    error::{AcquireError, ConfigError},
    extend::CallContext,
    handler::{Profile, ProgressSink},
    key::KeyPool,
    time::{Deadline, Limit},
    types::PoolKey,
};

/// A caller's view of a pool: the methods of rmcp's `Peer`, each taking a session for exactly as
/// long as it needs one. Cheap to clone. Made by [`SessionPool::client`](crate::SessionPool::client).
///
/// The caller's identity and key were worked out once; acquiring costs no hashing and no
/// allocation while a session is idle.
///
/// # What becomes of a call that fails
/// [`CallError::outcome`](crate::error::CallError::outcome) shows whether the server may have
/// executed it. A call that provably was not executed, since the server does not know its session,
/// is repeated once on a fresh session, within the same deadline. In a conversation it is not
/// repeated, since the server's state is gone with the session, unless the server keeps no
/// sessions. A tool call that was refused unread for missing headers is repeated once after the
/// tool list has named them. A call that only reads, or that is [declared to do no
/// harm](Self::repeatable), is repeated when its connection broke; so is that of a tool whose hints
/// promise as much, where the endpoint is [trusted for
/// them](crate::Endpoint::with_trusted_tool_hints). Nothing else is ever repeated.
///
/// # Input that a server requests
/// A server with sessions sends requests of its own, which the caller's
/// [handlers](crate::extend::HandlerFactory) answer meanwhile. A stateless server answers that it
/// needs input; [`call_tool`](Self::call_tool), [`get_prompt`](Self::get_prompt) and
/// [`read_resource`](Self::read_resource) then call the same handlers and go on, each time as a new
/// request that returns the server's own state unchanged.
// What a hit needs comes first, side by side in memory.
#[derive(Clone)]
#[repr(C)]
pub struct PooledClient {
    pub(super) acquirer: Arc<Acquirer>,
    /// The pool of the key when the client was made; `None` where the transport is detected. In most clients
    /// it still is.
    key_pool: Option<Arc<KeyPool>>,
    pub(super) resolved: Arc<Resolved>,
    acquire_timeout: Duration,
    pub(super) parts: RequestParts,
    pub(super) context: CallContext,
    pub(super) timeout: Duration,
    /// Where its requests have the time that is left for them.
    pub(super) remaining_time: Option<RemainingTimeKey>,
    /// Whether its calls do no harm when they are executed twice.
    pub(super) repeatable: bool,
}

impl PooledClient {
    pub(crate) fn new(
        acquirer: Arc<Acquirer>,
        request: AcquireRequest,
        resolved: Arc<Resolved>,
    ) -> Self {
        let config = &acquirer.context().config;
        let parts = request.parts;
        let mut extra = Arc::new(select(&parts.headers, &config.identity.passthrough_headers));
        shrink(&mut extra);
        let context = CallContext::new(Arc::clone(&parts.headers), extra);
        Self {
            context: context.with_expiry(resolved.latest_key().identity().expires_at()),
            timeout: config.timeouts.call_timeout,
            remaining_time: None,
            repeatable: false,
            acquire_timeout: request.timeout.unwrap_or(config.timeouts.acquire_timeout),
            key_pool: resolved.only_key_pool().map(Arc::clone),
            acquirer,
            parts,
            resolved,
        }
    }

    /// The key of the caller. Where the transport is detected, the key over the one that was
    /// detected last.
    #[must_use]
    pub fn key(&self) -> &PoolKey {
        self.resolved.latest_key()
    }

    /// A client of the same caller without what belongs to single calls.
    pub(super) fn plain(&self) -> Self {
        let context = CallContext::new(Arc::clone(&self.parts.headers), Arc::default());
        let ends_at = self.resolved.latest_key().identity().expires_at();
        Self {
            context: context.with_expiry(ends_at),
            timeout: self.context().config.timeouts.call_timeout,
            remaining_time: None,
            repeatable: false,
            ..self.clone()
        }
    }

    /// What the handlers of the caller declare.
    pub(crate) fn profile(&self) -> &Profile {
        self.resolved.latest().profile()
    }

    /// The same client with these headers for each of its calls: trace context and correlation ids,
    /// of [`passthrough_headers`](crate::config::IdentityConfig::passthrough_headers) alone. They
    /// replace those of the request, and are sent with no other caller's call.
    ///
    /// # Errors
    /// [`ConfigError::Bound`] names the first header that is not one of them, such as `authorization`:
    /// credentials belong to the request that the client was made of.
    pub fn with_call_headers(&self, headers: &HeaderMap) -> Result<Self, ConfigError> {
        let names = &self.context().config.identity.passthrough_headers;
        if let Some(other) = headers.keys().find(|name| !names.contains(name)) {
            let field = format!("header `{other}`");
            return Err(ConfigError::bound(
                field,
                "a per-call header",
                "one of `passthrough_headers`",
            ));
        }
        Ok(Self {
            context: self.context.clone().with_extra(Arc::new(headers.clone())),
            ..self.clone()
        })
    }

    /// The same client with this limit for each of its calls, waiting for a session included.
    /// Default: [`PoolConfig::call_timeout`](crate::PoolConfig).
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// The same client, each of whose requests has the time that is left for its call, in whole
    /// milliseconds under this key of `_meta`: for servers that end their own work in time. A request
    /// that is repeated has what is left then. Default: none, since a server has to know the key.
    ///
    /// # Errors
    /// [`ConfigError::Bound`]: the key is not one of an application's own, such as
    /// `example.com/remaining-ms` (revision 2025-11-25, basic, `_meta`).
    pub fn with_remaining_time_meta(&self, key: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            remaining_time: Some(RemainingTimeKey::new(key)?),
            ..self.clone()
        })
    }

    /// The same client, whose calls do no harm when they are executed twice. The pool may repeat such a
    /// call after an unknown outcome, as it repeats calls that only read: when its connection broke,
    /// twice at most, and within its deadline; in a conversation on the same session alone.
    ///
    /// The repetitions of an endpoint are a fifth of its calls at most, and ten at any time: so that an
    /// outage is not made worse.
    #[must_use]
    pub fn repeatable(&self) -> Self {
        Self {
            repeatable: true,
            ..self.clone()
        }
    }

    /// The same client, whose calls report their progress to `sink`. Each call reports its own
    /// progress and no other's, however many run on one session; the handlers do not receive it.
    ///
    /// A server reports progress if it likes to. The tasks of the session call the sink, which must
    /// not block. The progress of a call ends with the call.
    #[must_use]
    pub fn with_progress(
        &self,
        sink: impl Fn(ProgressNotificationParam) + Send + Sync + 'static,
    ) -> Self {
        Self {
            context: self.context.with_progress(ProgressSink::new(sink)),
            ..self.clone()
        }
    }

    /// A session to use by hand, for what the methods of the client do not cover.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire), except those of identity.
    ///
    /// # Cancel safety
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<Lease, AcquireError>> + Send + use<'_> {
        self.acquirer.acquire(
            self.key_pool.as_ref(),
            &self.resolved,
            &self.parts,
            self.acquire_timeout,
            Some(Location::caller()),
        )
    }

    /// An idle session, without waiting, connecting or checking.
    #[must_use]
    #[inline]
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Lease> {
        self.hit(Some(Location::caller()))
    }

    #[inline(always)]
    pub(super) fn hit(&self, site: Site) -> Option<Lease> {
        let (resolved, parts) = (&self.resolved, &self.parts);
        match &self.key_pool {
            Some(key) => self.acquirer.hit_on(key, resolved, parts, site),
            None => self.acquirer.hit(resolved, parts, site),
        }
    }

    pub(super) fn acquire_slowly(
        &self,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Lease, AcquireError>> + Send + use<'_> {
        let limit = Limit::of(deadline, &self.context().clock);
        self.acquirer
            .acquire_next(&self.resolved, &self.parts, limit)
    }

    /// The deadline of an acquire that begins now.
    pub(super) fn acquire_deadline(&self) -> Deadline {
        Deadline::after(self.acquire_timeout)
    }

    pub(super) fn context(&self) -> &Context {
        self.acquirer.context()
    }
}

impl fmt::Debug for PooledClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledClient")
            .field("key", self.key())
            .finish_non_exhaustive()
    }
}

/// The headers of these names.
fn select(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut selected = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            selected.append(name, value.clone());
        }
    }
    selected
}
