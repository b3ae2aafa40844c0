//! A handler that stops with its session.

use rmcp::{
    ErrorData, RoleClient, Service,
    model::{ClientConfig, ClientResult, ServerNotification, ServerRequest},
    service::{NotificationContext, RequestContext},
};
use tokio_util::sync::CancellationToken;

/// A handler that stops answering requests when its session ends.
///
/// When the session has ended, an answer cannot be sent any more. rmcp waits for busy handlers
/// before it ends the calls of the session, so a busy handler would delay every call.
pub(crate) struct BoundHandler<S> {
    pub(crate) handler: S,
    pub(crate) ended: CancellationToken,
}

impl<S: Service<RoleClient>> Service<RoleClient> for BoundHandler<S> {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        tokio::select! {
            answer = self.handler.handle_request(request, context) => answer,
            () = self.ended.cancelled() => {
                Err(ErrorData::internal_error("the session has ended", None))
            }
        }
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        self.handler
            .handle_notification(notification, context)
            .await
    }

    fn get_info(&self) -> ClientConfig {
        self.handler.get_info()
    }
}
