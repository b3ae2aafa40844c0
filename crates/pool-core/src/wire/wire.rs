//! The seam for sessions that write and read messages themselves.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage, RequestId, ServerPeerInfo};

use super::{call_context::CallContext, message::Answer};
use crate::{error::CallFailure, handler::ProgressSink};

/// One session over a transport that writes requests and reads answers itself, without a running
/// rmcp service.
///
/// What a server sends on its own goes to the session's [`ServerInbox`](super::ServerInbox), which
/// in turn sends answers here.
#[async_trait]
pub trait Wire: Send + Sync + 'static {
    /// Sends one request and returns its answer.
    ///
    /// # Errors
    /// [`CallFailure`]: there is no answer. It names what is known of the outcome and whether the
    /// session is usable.
    ///
    /// # Cancel safety
    /// A dropped call cancels the request on the server, as the protocol's revision demands.
    async fn call(&self, call: WireCall) -> Result<Answer, CallFailure>;

    /// Sends a notification, or the answer to a request of the server.
    ///
    /// # Errors
    /// [`CallFailure`]: the server did not accept the message.
    ///
    /// # Cancel safety
    /// Not cancel safe: the server may or may not get the message.
    async fn send(&self, message: ClientJsonRpcMessage) -> Result<(), CallFailure>;

    /// What the server said of itself when the session was opened.
    ///
    /// # Errors
    /// [`CallFailure`]: it had to be requested, and there is no answer.
    ///
    /// # Cancel safety
    /// Safe.
    async fn peer_info(&self) -> Result<ServerPeerInfo, CallFailure>;
}

/// One request on a [`Wire`].
pub struct WireCall {
    /// The id of the request, which is its progress token too.
    pub id: RequestId,
    /// The request. Its own metadata is kept; see [`encode_request`](super::encode_request).
    pub request: ClientRequest,
    /// The caller; `None` for a request of the session itself.
    pub context: Option<CallContext>,
    progress: Option<ProgressSink>,
}

impl WireCall {
    /// A request. Its progress goes where the caller wants it.
    #[must_use]
    pub fn new(id: RequestId, request: ClientRequest, context: Option<CallContext>) -> Self {
        let progress = context.as_ref().and_then(CallContext::progress).cloned();
        Self {
            id,
            request,
            context,
            progress,
        }
    }

    /// The same request with another sink for its progress.
    pub(in crate::wire) fn with_progress(mut self, progress: ProgressSink) -> Self {
        self.progress = Some(progress);
        self
    }

    pub(super) fn progress(&self) -> Option<&ProgressSink> {
        self.progress.as_ref()
    }
}

impl fmt::Debug for WireCall {
    /// Shows the method, and no parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireCall")
            .field("method", &self.request.method())
            .finish_non_exhaustive()
    }
}

/// The answer to a request of the server.
pub(in crate::wire) fn reply(
    id: RequestId,
    answer: Result<rmcp::model::ClientResult, rmcp::ErrorData>,
) -> ClientJsonRpcMessage {
    match answer {
        Ok(result) => JsonRpcMessage::response(result, id),
        Err(error) => JsonRpcMessage::error(error, Some(id)),
    }
}

/// A session that its inbox knows, without keeping it open.
pub(super) type WeakWire = std::sync::Weak<dyn Wire>;

/// A session in use.
pub(in crate::wire) type SharedWire = Arc<dyn Wire>;
