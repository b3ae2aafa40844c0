//! A handler with the pool in front of it, as rmcp serves it.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleClient, Service,
    model::{ClientConfig, ClientResult, ServerNotification, ServerRequest},
    service::{NotificationContext, RequestContext, ServiceExt},
};

use super::{handler_proxy::HandlerOwner, sealed::SealedRequest};
use crate::handler::factory::ClientHandlerBox;

/// The handler as rmcp serves it.
pub(crate) struct ProxyService(pub(crate) Arc<dyn HandlerOwner>);

impl ProxyService {
    /// The handler for the whole life of a session that rmcp serves.
    pub(crate) fn boxed(self) -> ClientHandlerBox {
        ClientHandlerBox::from_dyn(self.into_dyn())
    }
}

impl Service<RoleClient> for ProxyService {
    async fn handle_request(
        &self,
        request: ServerRequest,
        mut context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        let Some((request, sealed)) = SealedRequest::open(&mut context) else {
            return self.0.proxied().answer(request, context).await;
        };
        sealed.set(self.0.proxied().answer(request, context).await);
        // What rmcp sees in place of the answer.
        Ok(ClientResult::empty(()))
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        self.0.proxied().notify(notification, context).await
    }

    fn get_info(&self) -> ClientConfig {
        self.0.proxied().client_config()
    }
}
