//! A handler that does not outlive its session.

use rmcp::{
    ErrorData, RoleClient, Service,
    model::{ClientConfig, ClientResult, ServerNotification, ServerRequest},
    service::{NotificationContext, RequestContext},
};
use tokio_util::sync::CancellationToken;

/// A handler whose answers are given up when the session is ended: nobody could be told them, and
/// rmcp would keep every call of the session waiting until they are there.
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
                Err(ErrorData::internal_error("the session is over", None))
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
