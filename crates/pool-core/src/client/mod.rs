//! A caller's view of a pool: calls, each on a session that it holds no longer than it must.

mod asker;
mod call;
mod input;
mod listen;
mod listing;
mod methods;
mod progress;
mod propagate;
mod relearn;
mod send;
mod tools;

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName};
pub use listen::Subscription;
use tracing::Instrument;

use crate::{
    AcquireRequest, Lease, PoolKey,
    error::AcquireError,
    extend::CallContext,
    pool::{Resolved, Shared},
    trace,
};

/// A caller's view of a pool: the methods of rmcp's `Peer`, each taking a session for exactly as
/// long as it needs one. Cheap to clone. Made by [`SessionPool::client`](crate::SessionPool::client).
///
/// The caller's identity and key were worked out once; acquiring costs no hashing and no
/// allocation while a session is idle.
///
/// # What becomes of a call that fails
/// [`CallError::outcome`](crate::error::CallError::outcome) says whether the server may have executed it.
/// A call that provably was not executed since its session is gone is repeated once on a fresh
/// session, within the same deadline; in a conversation it is not, since the state that the server
/// kept is gone with the session. A server that keeps no sessions has no such state, so that there
/// it is repeated in a conversation too; and a tool whose call was refused unread for want of headers
/// is called once more when the list of tools has told which. Nothing else is ever repeated.
///
/// # What a server asks before it answers
/// Servers with sessions ask by requests of their own, which the caller's
/// [handlers](crate::extend::HandlerFactory) answer meanwhile. Servers without sessions answer that they
/// need input; [`call_tool`](Self::call_tool), [`get_prompt`](Self::get_prompt) and
/// [`read_resource`](Self::read_resource) then ask the same handlers and go on, each time as a new
/// request that gives the server's own note back untouched.
#[derive(Clone)]
pub struct PooledClient {
    shared: Arc<Shared>,
    request: AcquireRequest,
    resolved: Arc<Resolved>,
    context: CallContext,
    timeout: Duration,
}

impl PooledClient {
    pub(crate) fn new(
        shared: Arc<Shared>,
        request: AcquireRequest,
        resolved: Arc<Resolved>,
    ) -> Self {
        let extra = passed_through(
            &request.headers,
            &shared.hub.config.identity.passthrough_headers,
        );
        let context = CallContext::new(Arc::clone(&request.headers), Arc::new(extra));
        Self {
            context: context.with_expiry(resolved.key().identity().expires_at()),
            timeout: shared.hub.config.timeouts.call_timeout,
            shared,
            request,
            resolved,
        }
    }

    /// The key of the caller: what its sessions are shared by. Where the transport is found out,
    /// with the one that was found last.
    #[must_use]
    pub fn key(&self) -> &PoolKey {
        self.resolved.key()
    }

    /// The same client with these headers for each of its calls: trace context, correlation ids.
    /// Only those that [`PoolConfig::passthrough_headers`](crate::PoolConfig) lists are sent, and
    /// never with anybody else's call. Replaces those of the request.
    #[must_use]
    pub fn with_headers(&self, headers: &HeaderMap) -> Self {
        let names = &self.shared.hub.config.identity.passthrough_headers;
        let extra = Arc::new(passed_through(headers, names));
        Self {
            context: self.context.clone().with_extra(extra),
            ..self.clone()
        }
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

    /// A session to use by hand, for what the methods of the client do not cover.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire), except those of identity.
    ///
    /// # Cancel safety
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire).
    pub async fn acquire(&self) -> Result<Lease, AcquireError> {
        if let Some(lease) = self.shared.hit(&self.resolved, &self.request) {
            return Ok(lease);
        }
        Box::pin(self.acquire_slowly(self.shared.patience(&self.request))).await
    }

    async fn acquire_slowly(&self, patience: crate::pool::Patience) -> Result<Lease, AcquireError> {
        let span = trace::acquire(&self.shared.hub.config.name, self.key().endpoint());
        let result = self
            .shared
            .wait(&self.resolved, &self.request, patience)
            .instrument(span.clone())
            .await;
        trace::note_acquired(&span, &result);
        if let Err(error) = &result {
            self.shared.note_failed(&self.request, error, patience);
        }
        result
    }
}

impl fmt::Debug for PooledClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledClient")
            .field("key", self.key())
            .finish_non_exhaustive()
    }
}

/// The headers that travel with a single call.
fn passed_through(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut passed = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            passed.append(name, value.clone());
        }
    }
    passed
}
