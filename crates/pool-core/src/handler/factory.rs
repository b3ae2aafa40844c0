//! What a pooled client declares to its server, and where the server's own messages go.

use std::{fmt, sync::Arc};

use rmcp::{
    ErrorData, RoleClient, Service,
    model::{
        ClientCapabilities, ClientConfig, ClientResult, ProtocolVersion, ServerNotification,
        ServerRequest,
    },
    service::{DynService, NotificationContext, RequestContext, ServiceExt},
};

use crate::types::PoolKey;

/// Builds the rmcp client handler of each new session from the session's key, so that requests and
/// notifications which a server starts on its own reach the caller they belong to.
///
/// The declared capabilities are fixed when a session is opened, and change what the server offers;
/// [`profile`](Self::profile) and [`declared`](Self::declared) are therefore part of the key. A
/// handler never receives a message of another key's session.
///
/// The pool's proxy is in front of every handler: it sends what [`declared`](Self::declared)
/// returns, whatever the handler's own info contains, refuses requests for any other capability,
/// reacts to list changes before it delivers them
/// ([`list_changed_debounce`](crate::config::TimeoutsConfig::list_changed_debounce)), and gives the
/// progress of a call to the sink of that call
/// ([`PooledClient::with_progress`](crate::PooledClient::with_progress)).
///
/// [`HandlerFn`](crate::extend::HandlerFn) makes a factory from a closure; [`ServerMessages`](crate::extend::ServerMessages) is one that passes notifications
/// on through a channel.
pub trait HandlerFactory: Send + Sync {
    /// Names the handlers of this factory. Two factories whose handlers must not serve each other's
    /// callers need different names.
    fn profile(&self) -> &str;

    /// The capabilities that every handler of this factory declares. Default: none.
    ///
    /// Sampling, elicitation and roots need an answer of one caller. A session under
    /// [`Scope::Shared`](crate::Scope::Shared) has no such caller, so that an acquire with such a
    /// factory fails with
    /// [`AcquireError::NoCaller`](crate::error::AcquireError::NoCaller).
    fn declared(&self) -> ClientCapabilities {
        ClientCapabilities::default()
    }

    /// Whether the handlers want messages that a server sends outside of any call (list changes,
    /// logging, resource updates). Without them a transport may save the stream for such messages.
    /// Default: yes, when any capability is declared.
    fn wants_server_messages(&self) -> bool {
        self.declared() != ClientCapabilities::default()
    }

    /// Whether the handlers do nothing with any message, so that a session needs no rmcp service to
    /// deliver one. Default: no.
    fn ignores_messages(&self) -> bool {
        false
    }

    /// The handler of a new session with this key.
    fn handler(&self, key: &PoolKey) -> ClientHandlerBox;
}

/// A type-erased rmcp client handler. Make one from any `ClientHandler` with [`Self::new`].
pub struct ClientHandlerBox(Box<dyn DynService<RoleClient>>);

impl ClientHandlerBox {
    /// Erases the type of a handler.
    #[must_use]
    pub fn new<S: ServiceExt<RoleClient>>(handler: S) -> Self {
        Self(handler.into_dyn())
    }

    pub(crate) fn from_dyn(handler: Box<dyn DynService<RoleClient>>) -> Self {
        Self(handler)
    }

    #[expect(
        clippy::borrowed_box,
        reason = "rmcp implements `Service` for the box alone"
    )]
    pub(crate) fn as_dyn(&self) -> &Box<dyn DynService<RoleClient>> {
        &self.0
    }

    pub(crate) fn into_inner(self) -> Box<dyn DynService<RoleClient>> {
        self.0
    }

    /// The handler as rmcp serves it, offering `version` whatever the handler's own info contains.
    ///
    /// rmcp's default info offers a revision that has no `initialize`, and rmcp does not check the
    /// answer against it; a transport names the revision it means to speak.
    #[must_use]
    pub fn into_service(self, version: ProtocolVersion) -> impl Service<RoleClient> + use<> {
        Pinned {
            handler: self.0,
            version,
        }
    }
}

impl fmt::Debug for ClientHandlerBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientHandlerBox")
    }
}

/// A handler whose info names a fixed protocol revision.
struct Pinned {
    handler: Box<dyn DynService<RoleClient>>,
    version: ProtocolVersion,
}

impl Service<RoleClient> for Pinned {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        Service::handle_request(&self.handler, request, context).await
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        Service::handle_notification(&self.handler, notification, context).await
    }

    fn get_info(&self) -> ClientConfig {
        Service::get_info(&self.handler).with_protocol_version(self.version.clone())
    }
}

impl<T: HandlerFactory + ?Sized> HandlerFactory for Arc<T> {
    fn profile(&self) -> &str {
        (**self).profile()
    }

    fn declared(&self) -> ClientCapabilities {
        (**self).declared()
    }

    fn wants_server_messages(&self) -> bool {
        (**self).wants_server_messages()
    }

    fn ignores_messages(&self) -> bool {
        (**self).ignores_messages()
    }

    fn handler(&self, key: &PoolKey) -> ClientHandlerBox {
        (**self).handler(key)
    }
}
