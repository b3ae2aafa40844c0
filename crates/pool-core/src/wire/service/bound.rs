//! A handler that stops with its service.

use rmcp::{
    ErrorData, RoleClient, Service,
    model::{ClientConfig, ClientResult, ServerNotification, ServerRequest},
    service::{NotificationContext, RequestContext},
};
use tokio_util::sync::CancellationToken;

use crate::handler::ProxyService;

/// A handler that stops answering requests when its service ends.
///
/// rmcp waits for busy handlers before it ends the calls of a service, so that a handler that hangs
/// would delay the calls of a session that is over.
pub(super) struct BoundService {
    pub(super) service: ProxyService,
    pub(super) ended: CancellationToken,
}

impl Service<RoleClient> for BoundService {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        tokio::select! {
            answer = self.service.handle_request(request, context) => answer,
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
        let handled = self.service.handle_notification(notification, context);
        handled.await
    }

    fn get_info(&self) -> ClientConfig {
        self.service.get_info()
    }
}
