//! Calls on a session that rmcp serves.

use futures::FutureExt;
use rmcp::{
    RoleClient,
    model::{
        CancelledNotification, CancelledNotificationParam, ClientNotification, ClientRequest,
        GetExtensions, RequestId,
    },
    service::{Peer, PeerRequestOptions, ServiceError},
};

use super::{call_context::CallContext, message::Answer};

/// Sends one request over rmcp's client and waits for its answer, of which there is no text.
///
/// # Errors
/// rmcp's, except for an error that the server answered with.
pub(crate) async fn call_over_peer(
    peer: &Peer<RoleClient>,
    mut request: ClientRequest,
    context: Option<&CallContext>,
) -> Result<Answer, ServiceError> {
    if let Some(context) = context {
        // rmcp keeps a request for some time after its caller is gone.
        request.extensions_mut().insert(context.without_span());
    }
    let beginning = context.and_then(|context| {
        let routes = context.proxy()?.routes();
        Some(routes.begin(context.progress()?.clone()))
    });
    let options = PeerRequestOptions::no_options();
    let handle = peer.send_request_with_option(request, options).await?;
    let _route = beginning.map(|beginning| beginning.sent(handle.progress_token.clone()));
    if let Some(context) = context {
        context.note_request_id(&handle.id);
    }
    let mut unanswered = Unanswered {
        peer,
        id: Some(handle.id.clone()),
    };
    let answer = handle.await_response().await;
    unanswered.id = None;
    match answer {
        Ok(result) => Ok(Answer::from_result(result)),
        Err(ServiceError::McpError(error)) => Ok(Answer::from_error(error)),
        Err(error) => Err(error),
    }
}

/// A request without an answer. Dropping it sends a cancellation to the server.
struct Unanswered<'p> {
    peer: &'p Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        let notification = CancelledNotification::new(CancelledNotificationParam::new(
            Some(id),
            Some("the caller is gone".to_owned()),
        ));
        let notification = ClientNotification::CancelledNotification(notification);
        // Its first poll puts it into the session's queue; the rest would only wait for the reply.
        let _ = self.peer.send_notification(notification).now_or_never();
    }
}
