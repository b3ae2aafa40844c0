//! The handler of one downstream session.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use http::HeaderMap;
use mcp_pool_core::{AcquireRequest, EvictMode, Selector};
use rmcp::{
    ErrorData, RoleServer,
    model::{ErrorCode, Extensions, ServerConfig},
    service::RequestContext,
};

use crate::{
    caller::Caller,
    session::{Conversation, Listeners, PassBack, Refusing},
    translate::is_in_session,
    upstreams::{Inner, Upstream},
};

/// The rmcp `ServerHandler` of one downstream session of a [`Proxy`](crate::Proxy).
///
/// The downstream session is a conversation: its upstream sessions serve it alone and are closed with
/// it. A request of revision 2026-07-28 belongs to no session; it uses the sessions of its caller.
///
/// A session belongs to the caller of its first request. A request of another caller is refused.
pub struct ProxyHandler {
    pub(super) proxy: Arc<Inner>,
    pub(super) conversation: Arc<Conversation>,
    pub(super) info: OnceLock<ServerConfig>,
    pub(super) listeners: Listeners,
}

impl ProxyHandler {
    pub(crate) fn new(proxy: Arc<Inner>) -> Self {
        Self {
            proxy,
            conversation: Arc::new(Conversation::new()),
            info: OnceLock::new(),
            listeners: Listeners::default(),
        }
    }

    /// The request for a session with the upstream, for the caller of a downstream request.
    ///
    /// # Errors
    /// There is no caller, or the session is another's.
    pub(super) fn request(
        &self,
        upstream: &Upstream,
        context: &RequestContext<RoleServer>,
    ) -> Result<AcquireRequest, ErrorData> {
        let request = self.request_of_caller(upstream, &context.extensions)?;
        if !is_in_session(context) {
            let declared = context.client_capabilities().unwrap_or_default();
            return Ok(request.with_handlers(Arc::new(Refusing { declared })));
        }
        if !self
            .conversation
            .belongs_to(&self.caller(&context.extensions)?)
        {
            return Err(refused("the session belongs to another caller"));
        }
        Ok(self.in_conversation(request, upstream, &self.conversation))
    }

    /// The request for a session that serves this conversation alone.
    pub(super) fn in_conversation(
        &self,
        request: AcquireRequest,
        upstream: &Upstream,
        conversation: &Arc<Conversation>,
    ) -> AcquireRequest {
        let handlers = PassBack {
            conversation: Arc::clone(conversation),
            upstream: upstream.name().to_owned(),
            uris: Arc::clone(&self.proxy.uris),
        };
        let request = request.with_scope(conversation.scope());
        request.with_handlers(Arc::new(handlers))
    }

    /// The request of the caller in these extensions, for the sessions of that caller.
    ///
    /// # Errors
    /// There is no caller.
    pub(super) fn request_of_caller(
        &self,
        upstream: &Upstream,
        extensions: &Extensions,
    ) -> Result<AcquireRequest, ErrorData> {
        let caller = self.caller(extensions)?;
        let request = AcquireRequest::new(upstream.endpoint().clone(), caller.principal().clone());
        Ok(request
            .with_headers(forwarded(upstream, extensions))
            .with_identity(caller.identity().clone()))
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// There is none, and the proxy serves no anonymous ones.
    pub(super) fn caller(&self, extensions: &Extensions) -> Result<Caller, ErrorData> {
        match Caller::of(extensions) {
            Some(caller) => Ok(caller.clone()),
            None if self.proxy.allow_anonymous => Ok(Caller::anonymous()),
            None => Err(refused("the request has no authenticated caller")),
        }
    }
}

impl Drop for ProxyHandler {
    fn drop(&mut self) {
        let conversation = Selector::conversation(Arc::clone(self.conversation.id()));
        self.proxy.pool.evict(&conversation, EvictMode::Graceful);
    }
}

impl fmt::Debug for ProxyHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyHandler")
            .field("upstreams", &self.proxy.upstreams)
            .finish_non_exhaustive()
    }
}

/// The headers of the downstream request that the upstream gets.
fn forwarded(upstream: &Upstream, extensions: &Extensions) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(http) = extensions.get::<http::request::Parts>() else {
        return headers;
    };
    for name in upstream.forwarded() {
        for value in http.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

fn refused(why: &'static str) -> ErrorData {
    ErrorData::new(ErrorCode::INVALID_REQUEST, why, None)
}
