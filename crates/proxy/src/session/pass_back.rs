//! The handlers of upstream sessions: they pass on to the downstream client.
#![expect(
    deprecated,
    reason = "servers of the revisions with sessions log, sample and list roots"
)]

use std::sync::Arc;

use mcp_pool_core::{
    PoolKey,
    extend::{ClientHandlerBox, HandlerFactory, ListKind, NoopHandlers},
};
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        ClientCapabilities, ClientResult, CreateMessageRequest, CreateMessageRequestParams,
        CreateMessageResult, ElicitRequest, ElicitRequestParams, ElicitResult, ListRootsRequest,
        ListRootsResult, LoggingMessageNotificationParam, ResourceUpdatedNotificationParam,
        ServerRequest,
    },
    service::{NotificationContext, RequestContext},
};

use super::{conversation::Conversation, destination::no_answer};
use crate::naming::NamePolicy;

/// The handlers of the sessions with one upstream that belong to one downstream session: what the
/// upstream sends of its own accord goes to that session's client.
#[derive(Clone)]
pub(crate) struct PassBack {
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) upstream: String,
    pub(crate) uris: Arc<dyn NamePolicy>,
}

impl PassBack {
    async fn request(&self, request: ServerRequest) -> Result<ClientResult, ErrorData> {
        let origin = self.conversation.in_flight.latest(&self.upstream);
        match self.conversation.destination() {
            Some(destination) => destination.request(request, origin).await,
            None => Err(no_answer()),
        }
    }

    async fn list_changed(&self, list: ListKind) {
        if let Some(destination) = self.conversation.destination() {
            destination.list_changed(list).await;
        }
    }
}

impl HandlerFactory for PassBack {
    fn profile(&self) -> &str {
        "proxy"
    }

    fn declared(&self) -> ClientCapabilities {
        answerable(self.conversation.capabilities())
    }

    fn wants_server_messages(&self) -> bool {
        true
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        ClientHandlerBox::new(self.clone())
    }
}

impl ClientHandler for PassBack {
    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let request = CreateMessageRequest::new(params);
        match self
            .request(ServerRequest::CreateMessageRequest(request))
            .await?
        {
            ClientResult::CreateMessageResult(result) => Ok(*result),
            _ => Err(no_answer()),
        }
    }

    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        let request = ListRootsRequest::default();
        match self
            .request(ServerRequest::ListRootsRequest(request))
            .await?
        {
            ClientResult::ListRootsResult(result) => Ok(result),
            _ => Err(no_answer()),
        }
    }

    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let request = ElicitRequest::new(params);
        match self.request(ServerRequest::ElicitRequest(request)).await? {
            ClientResult::ElicitResult(result) => Ok(result),
            _ => Err(no_answer()),
        }
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        if let Some(destination) = self.conversation.destination() {
            destination.log(params).await;
        }
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        if let Some(destination) = self.conversation.destination() {
            let uri = self.uris.join(&self.upstream, &params.uri);
            destination.resource_updated(uri).await;
        }
    }

    async fn on_resource_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.list_changed(ListKind::Resources).await;
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.list_changed(ListKind::Tools).await;
    }

    async fn on_prompt_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.list_changed(ListKind::Prompts).await;
    }
}

/// The handlers of sessions that serve requests without a downstream session. The client of such a
/// request answers in a further request of its own; a server that asks meanwhile gets an error.
#[derive(Clone)]
pub(crate) struct Refusing {
    pub(crate) declared: ClientCapabilities,
}

impl HandlerFactory for Refusing {
    fn profile(&self) -> &str {
        "proxy-request"
    }

    fn declared(&self) -> ClientCapabilities {
        with_tasks(self.declared.clone())
    }

    fn wants_server_messages(&self) -> bool {
        false
    }

    fn handler(&self, key: &PoolKey) -> ClientHandlerBox {
        match self.declared() == ClientCapabilities::default() {
            true => NoopHandlers::default().handler(key),
            false => ClientHandlerBox::new(self.clone()),
        }
    }
}

impl ClientHandler for Refusing {
    async fn create_elicitation(
        &self,
        _params: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Err(no_answer())
    }

    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Err(no_answer())
    }
}

/// The capabilities that the proxy passes on. Extensions are agreements of both ends that it does not
/// know.
fn answerable(mut capabilities: ClientCapabilities) -> ClientCapabilities {
    capabilities.experimental = None;
    capabilities.extensions = None;
    capabilities
}

/// The capabilities of a client without a session, which gets tasks as its upstream makes them.
fn with_tasks(capabilities: ClientCapabilities) -> ClientCapabilities {
    let has_tasks = capabilities.supports_tasks();
    let mut passed = answerable(capabilities);
    if has_tasks {
        let tasks = ClientCapabilities::builder().enable_tasks().build();
        passed.extensions = tasks.extensions;
    }
    passed
}
