//! The driver: the pool's view of a session.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::{CallFailure, ConnectError},
    extend::{
        Answer, CallContext, CloseNotifier, CloseOutcome, RefusedRevision, ServerInbox,
        SessionDriver, SessionPeer, Wire, WireCall, initialize_request_in, initialize_result,
    },
};
use mcp_pool_http::HttpFault;
use rmcp::model::{
    ClientNotification, ClientRequest, InitializedNotification, JsonRpcMessage, ProtocolVersion,
    ServerPeerInfo,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, NewConnection},
    post::{Message, post},
    reader::Reader,
    wire::SessionWire,
};
use crate::stream::Stream;

/// The driver of a session over HTTP+SSE. Dropping it ends the session.
pub(crate) struct Driver {
    wire: Arc<SessionWire>,
    /// Cancelled when the stream is closed, which the server takes as the end.
    closed: CancellationToken,
}

impl Driver {
    /// Starts to read the stream. The session has to be initialised.
    pub(crate) fn start(new: NewConnection, stream: Stream, inbox: Arc<ServerInbox>) -> Self {
        let wire = SessionWire::new(Connection::new(new), inbox);
        let closed = stream.closed.clone();
        tokio::spawn(Reader::new(Arc::clone(&wire), stream).run());
        Self { wire, closed }
    }

    /// Initialises the session and returns the negotiated revision.
    ///
    /// # Errors
    /// The server refused, or it chose a revision that was not offered.
    ///
    /// # Cancel safety
    /// Not cancel safe: only the end of the session is left.
    pub(crate) async fn initialize(&self) -> Result<String, ConnectError> {
        let wire = &self.wire;
        let result = initialize_result(self.introduction().await?)?;
        let revision = result.protocol_version.to_string();
        wire.connection.note_revision(&revision);
        // Only the first handshake of a session sets it, and there is one.
        let _ = wire.peer_info.set(ServerPeerInfo::from(result));
        let initialized = InitializedNotification::default();
        let initialized = ClientNotification::InitializedNotification(initialized);
        let message = Message::of(&JsonRpcMessage::notification(initialized))?;
        post(Arc::clone(&wire.connection), message).await?;
        wire.connection.note_initialized();
        Ok(revision)
    }

    /// The answer to `initialize`, with an older revision where the server refuses the offered one.
    async fn introduction(&self) -> Result<Answer, HttpFault> {
        let (wire, inbox) = (&self.wire, &self.wire.inbox);
        let mut revision = ProtocolVersion::LATEST_WITH_INITIALIZE;
        // Each revision that is offered is older than the one before.
        loop {
            let request = initialize_request_in(inbox.client_config(), revision.clone());
            let call = WireCall::new(inbox.ids().next(), request, None);
            let answer = wire.request(call).await;
            let refused = match &answer {
                Ok(answer) => answer.error().and_then(RefusedRevision::of_error),
                Err(fault) => fault.refused_revision().cloned(),
            };
            match refused.and_then(|refused| refused.next(&revision)) {
                Some(older) if !wire.connection.ended.is_cancelled() => revision = older,
                _ => return answer,
            }
        }
    }

    pub(crate) fn close_notifier(&self) -> CloseNotifier {
        self.wire.connection.close_notifier.clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.wire.connection.close();
    }
}

#[async_trait]
impl SessionDriver for Driver {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.wire.inbox.peer().await
    }

    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        let id = self.wire.inbox.ids().next();
        let call = WireCall::new(id, request, context.cloned());
        self.wire.call(call).await
    }

    fn is_over(&self) -> bool {
        self.wire.connection.ended.is_cancelled()
    }

    async fn close(&self, limit: Duration) -> CloseOutcome {
        self.wire.connection.close();
        match timeout(limit, self.closed.cancelled()).await {
            Ok(()) => CloseOutcome::Completed,
            Err(_) => CloseOutcome::TimedOut,
        }
    }
}
