//! Handlers made of closures.

use std::sync::Arc;

use futures::future::BoxFuture;
use mcp_session_pool::{
    PoolKey,
    extend::{ClientHandlerBox, HandlerFactory},
    rmcp::{
        ErrorData, RoleClient, Service,
        model::{
            ClientCapabilities, ClientConfig, ClientResult, Implementation, ServerNotification,
            ServerRequest,
        },
        service::{NotificationContext, RequestContext},
    },
};
use serde_json::{Value, json};

type OnNotification = dyn Fn(ServerNotification, NotificationContext<RoleClient>) -> BoxFuture<'static, ()>
    + Send
    + Sync;
type OnRequest =
    dyn Fn(ServerRequest, RequestContext<RoleClient>) -> BoxFuture<'static, Answer> + Send + Sync;
type Answer = Result<ClientResult, ErrorData>;

/// Handlers made of two closures. They declare nothing.
#[derive(Clone)]
pub(crate) struct Closures {
    declared: Value,
    on_notification: Arc<OnNotification>,
    on_request: Arc<OnRequest>,
}

impl Default for Closures {
    fn default() -> Self {
        Self {
            declared: json!({}),
            on_notification: Arc::new(|_, _| Box::pin(async {})),
            on_request: Arc::new(|_, _| Box::pin(async { Ok(ClientResult::empty(())) })),
        }
    }
}

impl Closures {
    /// The same handlers, declaring these capabilities.
    pub(crate) fn declaring(mut self, declared: Value) -> Self {
        self.declared = declared;
        self
    }

    /// Runs the closure for each notification.
    pub(crate) fn on_notification<F>(
        mut self,
        run: impl Fn(ServerNotification, NotificationContext<RoleClient>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.on_notification = Arc::new(move |what, context| Box::pin(run(what, context)));
        self
    }

    /// Runs the closure for each request.
    pub(crate) fn on_request<F>(
        mut self,
        run: impl Fn(ServerRequest, RequestContext<RoleClient>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        self.on_request = Arc::new(move |what, context| Box::pin(run(what, context)));
        self
    }
}

impl HandlerFactory for Closures {
    fn profile(&self) -> &str {
        "closures"
    }

    fn declared(&self) -> ClientCapabilities {
        serde_json::from_value(self.declared.clone()).expect("capabilities")
    }

    fn wants_server_messages(&self) -> bool {
        true
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        ClientHandlerBox::new(self.clone())
    }
}

impl Service<RoleClient> for Closures {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Answer {
        (self.on_request)(request, context).await
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        (self.on_notification)(notification, context).await;
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(self.declared(), Implementation::new("test", "1"))
    }
}
