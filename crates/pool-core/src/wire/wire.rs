//! The seam for sessions that write and read messages themselves.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage, RequestId, ServerPeerInfo};

use super::{call_context::CallContext, message::Answer};
use crate::{error::CallFailure, handler::ProgressSink};

/// One session over a transport that writes requests and reads answers itself, without a running
/// rmcp service.
///
/// What a server sends on its own goes to the session's [`ServerInbox`](super::ServerInbox), which
/// in turn sends answers here.
///
/// ```
/// # use std::sync::Arc;
/// # use async_trait::async_trait;
/// # use mcp_pool_core::error::{CallFailure, FaultKind, Outcome};
/// # use mcp_pool_core::extend::{
/// #     Answer, Delivery, IncomingKind, ResultKind, ServerInbox, Wire, WireCall, encode_request,
/// #     read_messages,
/// # };
/// # use rmcp::model::{ClientJsonRpcMessage, ServerPeerInfo};
/// /// A session with a server that pigeons fly to.
/// struct Pigeons {
///     inbox: Arc<ServerInbox>,
///     info: ServerPeerInfo,
/// }
///
/// impl Pigeons {
///     /// Carries a text to the server, and brings back what the server wrote.
///     async fn fly(&self, text: Vec<u8>) -> Result<Vec<u8>, CallFailure> {
///         # let _ = text;
///         Err(CallFailure::new(Outcome::NotExecuted, FaultKind::Unreachable))
///     }
/// }
///
/// #[async_trait]
/// impl Wire for Pigeons {
///     async fn call(&self, call: WireCall) -> Result<Answer, CallFailure> {
///         let _route = self.inbox.route(&call); // the way of the call's progress
///         let text = encode_request(&call.request, &call.id, None)
///             .map_err(|_| CallFailure::new(Outcome::NotExecuted, FaultKind::Other))?;
///         let text = self.fly(text).await?;
///         let mut progress = Delivery::default();
///         for message in read_messages(&text).into_iter().flatten() {
///             let answer = match message.kind() {
///                 _ if !message.is_for(&call.id) => None,
///                 IncomingKind::Result => message.result().map(|result| {
///                     Answer::from_raw(ResultKind::of(&call.request), result.to_owned())
///                 }),
///                 IncomingKind::Error => message.error().map(Answer::from_error),
///                 _ => None,
///             };
///             if let Some(answer) = answer {
///                 progress.handled().await; // an answer must not overtake its progress
///                 return Ok(answer);
///             }
///             progress = self.inbox.receive(&message).await;
///         }
///         Err(CallFailure::new(Outcome::Unknown, FaultKind::Protocol))
///     }
///
///     async fn send(&self, message: ClientJsonRpcMessage) -> Result<(), CallFailure> {
///         let text = serde_json::to_vec(&message)
///             .map_err(|_| CallFailure::new(Outcome::NotExecuted, FaultKind::Other))?;
///         self.fly(text).await.map(drop)
///     }
///
///     async fn peer_info(&self) -> Result<ServerPeerInfo, CallFailure> {
///         Ok(self.info.clone()) // from the handshake
///     }
/// }
/// ```
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

/// The time limit for sending one answer.
pub(in crate::wire) const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// A session that its inbox knows, without keeping it open.
pub(super) type WeakWire = std::sync::Weak<dyn Wire>;

/// A session in use.
pub(in crate::wire) type SharedWire = Arc<dyn Wire>;
