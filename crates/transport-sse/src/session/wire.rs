//! Requests and their answers.

use std::{pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::{CallFailure, FaultKind, Outcome},
    extend::{
        Answer, PendingRequest, PendingRequests, ReceivedAnswer, ResultKind, ServerInbox, Wire,
        WireCall, encode_request,
    },
};
use mcp_pool_http::{HttpFault, answer_to, is_check};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ServerPeerInfo};
use tokio::{sync::SetOnce, time::timeout};

use super::{
    cancel::Cancellations,
    connection::Connection,
    post::{Message, no_json, post},
};

/// One session: it sends requests, and gets their answers from the reader of its stream.
pub(crate) struct SessionWire {
    pub(super) connection: Arc<Connection>,
    pub(super) inbox: Arc<ServerInbox>,
    pub(super) pending: PendingRequests<HttpFault>,
    pub(super) cancellations: Cancellations,
    /// What the server answered to `initialize`.
    pub(super) peer_info: SetOnce<ServerPeerInfo>,
}

impl SessionWire {
    pub(super) fn new(connection: Connection, inbox: Arc<ServerInbox>) -> Arc<Self> {
        let wire = Arc::new(Self {
            connection: Arc::new(connection),
            inbox,
            pending: PendingRequests::default(),
            cancellations: Cancellations::default(),
            peer_info: SetOnce::new(),
        });
        wire.inbox.attach(&wire);
        wire
    }

    /// Sends one request and returns its answer.
    ///
    /// # Errors
    /// There is no answer.
    ///
    /// # Cancel safety
    /// A dropped call cancels the request on the server, unless it is `initialize`.
    pub(super) async fn request(&self, call: WireCall) -> Result<Answer, HttpFault> {
        let _route = self.inbox.route(&call);
        if let Some(context) = &call.context {
            context.note_request_id(&call.id);
        }
        let context = call.context;
        let text = encode_request(&call.request, &call.id, None).map_err(|_| no_json())?;
        let (kind, request) = (ResultKind::of(&call.request), call.request);
        let pending = self.pending.insert(call.id.clone(), kind);
        let mut cancellation = self.cancellations.guard(call.id.clone(), context.clone());
        if matches!(request, ClientRequest::InitializeRequest(_)) {
            cancellation.disarm();
        }
        let message = Message {
            text: text.into(),
            context,
            request: Some((call.id, kind)),
        };
        let post: Post = Box::pin(post(Arc::clone(&self.connection), message));
        let received = self.exchange(pending, post).await;
        cancellation.disarm();
        let ReceivedAnswer { answer, progress } = match received {
            Ok(received) => received,
            Err(fault) => return self.noted(&request, answer_to(&request, Err(fault))),
        };
        let delivered = async {
            for delivery in progress {
                delivery.handled().await;
            }
        };
        tokio::select! {
            // A handler that hangs holds up its call for a bounded time.
            _ = timeout(DELIVERY_TIMEOUT, delivered) => {}
            // A busy handler does not hold up the callers of a session that has ended.
            () = self.connection.ended.cancelled() => {}
        }
        self.noted(&request, answer_to(&request, answer))
    }

    /// Notifies the pool of the end of the session, where a check of the session shows it.
    fn noted(
        &self,
        request: &ClientRequest,
        answer: Result<Answer, HttpFault>,
    ) -> Result<Answer, HttpFault> {
        if let Err(fault) = &answer
            && *fault.kind() == FaultKind::SessionGone
            && is_check(request)
        {
            self.connection.close_notifier.notify();
        }
        answer
    }

    /// Sends a request and waits for its answer.
    async fn exchange(
        &self,
        mut pending: PendingRequest<'_, HttpFault>,
        mut post: Post,
    ) -> Result<ReceivedAnswer<HttpFault>, HttpFault> {
        let posted = tokio::select! {
            biased;
            received = pending.received() => match received {
                Some(received) => {
                    complete(post);
                    return Ok(received);
                }
                // The session has ended. The result of the POST, if there is one, is more precise.
                None => post.await,
            },
            posted = &mut post => posted,
        };
        if let Some(answer) = posted? {
            return Ok(pending.answered(answer));
        }
        let received = pending.received().await;
        received.ok_or_else(|| self.connection.interrupted())
    }
}

#[async_trait]
impl Wire for SessionWire {
    async fn call(&self, call: WireCall) -> Result<Answer, CallFailure> {
        let answer = self.request(call).await;
        answer.map_err(|fault| fault.failure().clone())
    }

    async fn send(&self, message: ClientJsonRpcMessage) -> Result<(), CallFailure> {
        let posted = match Message::of(&message) {
            Ok(message) => post(Arc::clone(&self.connection), message).await,
            Err(fault) => Err(fault),
        };
        posted.map(drop).map_err(|fault| fault.failure().clone())
    }

    async fn peer_info(&self) -> Result<ServerPeerInfo, CallFailure> {
        let before_handshake = || CallFailure::new(Outcome::NotExecuted, FaultKind::Other);
        let info = self.peer_info.get().cloned();
        info.ok_or_else(before_handshake)
    }
}

/// The POST of a request.
type Post = Pin<Box<dyn Future<Output = Result<Option<Answer>, HttpFault>> + Send>>;

/// Completes the POST of a request whose answer has come on the stream before the response: a POST
/// that is dropped closes its connection, which others could use.
fn complete(post: Post) {
    tokio::spawn(timeout(COMPLETION_TIMEOUT, post));
}

/// The time limit for handling all the progress before one answer.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(1);
