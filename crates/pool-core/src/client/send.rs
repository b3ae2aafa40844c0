//! One request on one session.

use futures::FutureExt;
use rmcp::{
    RoleClient,
    model::{
        CancelledNotification, CancelledNotificationParam, ClientNotification, ClientRequest,
        GetExtensions, RequestId, ServerResult,
    },
    service::{Peer, PeerRequestOptions, ServiceError},
};
use tokio::time::{Instant, timeout_at};

use super::retry_policy::surfaced;
use crate::{
    error::{CallError, CallFailure, FaultKind, Outcome},
    extend::{CallContext, Session},
    handler::ProgressSink,
    key::PooledSession,
    trace::CallTrace,
};

/// Why a request on a session has no result.
pub(super) enum Failed {
    /// The server answered with an error.
    Answered(rmcp::ErrorData),
    /// The deadline passed after the request was sent.
    TimedOut,
    /// The transport failed.
    Broken(CallFailure),
}

/// Sends one request and waits for its answer.
pub(super) async fn send(
    pooled: &PooledSession,
    mut request: ClientRequest,
    context: &CallContext,
    deadline: Instant,
    trace: &CallTrace,
) -> Result<ServerResult, Failed> {
    request.extensions_mut().insert(context.clone());
    let answer = timeout_at(
        deadline,
        exchange(pooled, request, context.progress(), trace),
    )
    .await;
    match answer {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(Failed::of(&pooled.session, error)),
        Err(_) => Err(Failed::TimedOut),
    }
}

impl Failed {
    /// What an error on a session means.
    pub(super) fn of(session: &Session, error: ServiceError) -> Self {
        match error {
            ServiceError::McpError(error) => Self::Answered(error),
            error => Self::Broken(session.driver().classify(&error)),
        }
    }

    /// The error that the caller gets.
    pub(super) fn surfaced(self) -> CallError {
        match (self.failure(), self) {
            (Some(failure), _) => surfaced(failure),
            (None, Self::Answered(error)) => CallError::Rpc(error),
            (None, _) => CallError::UnexpectedResult,
        }
    }

    /// The failure of the transport, if that is what it was.
    pub(super) fn failure(&self) -> Option<CallFailure> {
        match self {
            Self::Answered(_) => None,
            Self::TimedOut => {
                Some(CallFailure::new(Outcome::Unknown, FaultKind::Timeout).with_usable_session())
            }
            Self::Broken(failure) => Some(failure.clone()),
        }
    }
}

async fn exchange(
    pooled: &PooledSession,
    request: ClientRequest,
    progress: Option<&ProgressSink>,
    trace: &CallTrace,
) -> Result<ServerResult, ServiceError> {
    let peer = pooled.session.peer();
    let options = PeerRequestOptions::no_options();
    let beginning = progress.map(|sink| pooled.proxy.routes().begin(sink.clone()));
    let handle = peer.send_request_with_option(request, options).await?;
    let _route = beginning.map(|beginning| beginning.sent(handle.progress_token.clone()));
    trace.note_request_id(&handle.id);
    let mut unanswered = Unanswered {
        peer,
        id: Some(handle.id.clone()),
    };
    let answer = handle.await_response().await;
    unanswered.id = None;
    answer
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
