//! Where the messages of upstreams go.
#![expect(deprecated, reason = "servers of the revisions with sessions do log")]

use mcp_pool_core::extend::ListKind;
use rmcp::{
    ErrorData, Peer, RoleServer,
    model::{
        ClientResult, GetExtensions, LoggingMessageNotificationParam, RequestId,
        ResourceUpdatedNotificationParam, ServerRequest,
    },
    service::{OriginatingRequestId, ServiceError, SubscriptionSink},
};

/// Where the messages of upstreams go.
#[derive(Clone)]
pub(crate) enum Destination {
    /// The client of a session.
    Client(Peer<RoleServer>),
    /// A subscription of a client without a session.
    Subscription(SubscriptionSink),
}

impl Destination {
    /// Passes on that a list has changed. A client that is gone gets nothing.
    pub(crate) async fn list_changed(&self, list: ListKind) {
        let _ = match (self, list) {
            (Self::Client(peer), ListKind::Prompts) => peer.notify_prompt_list_changed().await.ok(),
            (Self::Client(peer), ListKind::Resources) => {
                peer.notify_resource_list_changed().await.ok()
            }
            (Self::Client(peer), ListKind::Tools) => peer.notify_tool_list_changed().await.ok(),
            (Self::Subscription(sink), ListKind::Prompts) => {
                sink.notify_prompt_list_changed().await.ok()
            }
            (Self::Subscription(sink), ListKind::Resources) => {
                sink.notify_resource_list_changed().await.ok()
            }
            (Self::Subscription(sink), ListKind::Tools) => {
                sink.notify_tool_list_changed().await.ok()
            }
            _ => None,
        };
    }

    /// Passes on that a resource has changed.
    pub(crate) async fn resource_updated(&self, uri: String) {
        let _ = match self {
            Self::Client(peer) => {
                let update = ResourceUpdatedNotificationParam::new(uri);
                peer.notify_resource_updated(update).await.ok()
            }
            Self::Subscription(sink) => sink.notify_resource_updated(uri).await.ok(),
        };
    }

    /// Passes on a message for the log. Subscriptions have none.
    pub(crate) async fn log(&self, message: LoggingMessageNotificationParam) {
        if let Self::Client(peer) = self {
            let _ = peer.notify_logging_message(message).await;
        }
    }

    /// Passes on a request, on the stream of the client's own request `origin`.
    ///
    /// # Errors
    /// The client's error, or that it cannot be reached.
    pub(crate) async fn request(
        &self,
        mut request: ServerRequest,
        origin: Option<RequestId>,
    ) -> Result<ClientResult, ErrorData> {
        let Self::Client(peer) = self else {
            return Err(no_answer());
        };
        if let Some(origin) = origin {
            request
                .extensions_mut()
                .insert(OriginatingRequestId(origin));
        }
        match peer.send_request(request).await {
            Ok(result) => Ok(result),
            Err(ServiceError::McpError(error)) => Err(error),
            Err(_) => Err(no_answer()),
        }
    }
}

/// There is no client that could answer.
pub(super) fn no_answer() -> ErrorData {
    ErrorData::internal_error("no client answers for this session", None)
}
