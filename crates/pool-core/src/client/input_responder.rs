//! Answers a server that requests input before it answers.

use std::sync::Arc;

use rmcp::{
    RoleClient,
    model::{ClientResult, GetExtensions, GetMeta, InputRequest, NumberOrString, ServerRequest},
    service::RequestContext,
};

use crate::{
    acquire::Lease,
    error::{CallError, InputError},
    extend::SessionPeer,
    handler::HandlerOwner,
};

/// Answers for the caller, on the session of the server's request.
pub(super) struct InputResponder {
    handler: Arc<dyn HandlerOwner>,
    peer: SessionPeer,
}

impl InputResponder {
    /// The responder for the caller of this lease; `None` where the session has no handler.
    pub(super) async fn of(lease: &Lease) -> Result<Option<Self>, CallError> {
        let handler = lease.pooled().proxy.handler();
        // First: the handler may be gone because the session is over.
        let peer = lease.peer().await?;
        Ok(handler.map(|handler| Self { handler, peer }))
    }

    pub(super) async fn answer(
        &self,
        name: String,
        request: InputRequest,
    ) -> Result<(String, serde_json::Value), InputError> {
        let asked = self.as_server_request(&name, request);
        let asked = asked.filter(|(request, _)| self.handler.proxied().declares(request));
        let (request, context) = asked.ok_or(InputError::NotDeclared)?;
        let answer = self.handler.proxied().answer(request, context).await;
        let answer = match answer.map_err(InputError::Refused)? {
            ClientResult::CreateMessageResult(result) => serde_json::to_value(result),
            ClientResult::ElicitResult(result) => serde_json::to_value(result),
            ClientResult::ListRootsResult(result) => serde_json::to_value(result),
            _ => return Err(InputError::Unreadable),
        };
        Ok((name, answer.map_err(|_| InputError::Unreadable)?))
    }

    /// The request as if the server had sent it by itself.
    fn as_server_request(
        &self,
        name: &str,
        request: InputRequest,
    ) -> Option<(ServerRequest, RequestContext<RoleClient>)> {
        let mut request = match request {
            InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
            InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
            InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
            _ => return None,
        };
        let id = NumberOrString::String(Arc::from(name));
        let mut context = RequestContext::new(id, self.peer.clone());
        std::mem::swap(&mut context.meta, request.get_meta_mut());
        std::mem::swap(&mut context.extensions, request.extensions_mut());
        Some((request, context))
    }
}
