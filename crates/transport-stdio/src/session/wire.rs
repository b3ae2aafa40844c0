//! Requests and their answers.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::{CallFailure, FaultKind, Outcome},
    extend::{
        Answer, ClientContext, Credentials, PendingRequest, ReceivedAnswer, RequestTarget,
        ResultKind, Wire, WireCall, encode_message, encode_request,
    },
};
use rmcp::model::{ClientJsonRpcMessage, RequestId, ServerPeerInfo};
use tokio::time::timeout;

use super::link::{Link, Outgoing, Progress, not_sent};
use crate::command::{Credential, Registered};

/// One session: it sends requests, and gets their answers from the reader of its child.
pub(crate) struct SessionWire {
    pub(super) link: Arc<Link>,
    pub(super) command: Arc<Registered>,
    pub(super) credentials: Credentials,
    /// The credential that the child was started with.
    pub(super) credential: Credential,
}

/// Cancels its request when dropped, unless it is disarmed.
struct CancelOnDrop<'l> {
    link: &'l Link,
    request: Option<(RequestId, Arc<Progress>)>,
}

impl SessionWire {
    /// Sends one request, which names `client`, and returns its answer.
    ///
    /// # Errors
    /// There is no answer.
    ///
    /// # Cancel safety
    /// A dropped call cancels the request on the server, unless it is of the handshake.
    pub(super) async fn request(
        &self,
        call: WireCall,
        client: Option<&ClientContext>,
    ) -> Result<Answer, CallFailure> {
        self.check_caller(&call).await?;
        let link = &*self.link;
        let _route = link.inbox.route(&call);
        if let Some(context) = &call.context {
            context.note_request_id(&call.id);
        }
        let text = encode_request(&call.request, &call.id, client).map_err(|_| not_json())?;
        let pending = link
            .pending
            .insert(call.id.clone(), ResultKind::of(&call.request));
        let progress = Arc::<Progress>::default();
        let mut guard = CancelOnDrop {
            link,
            request: Some((call.id, Arc::clone(&progress))),
        };
        if link.peer_info.get().is_none() {
            guard.request = None;
        }
        let received = self.exchange(pending, text, &progress).await;
        guard.request = None;
        let received = received?;
        let delivered = async {
            for delivery in received.progress {
                delivery.handled().await;
            }
        };
        tokio::select! {
            // A handler that hangs holds up its call for a bounded time.
            _ = timeout(DELIVERY_TIMEOUT, delivered) => {}
            // A busy handler does not hold up the callers of a session that has ended.
            () = link.ended.cancelled() => {}
        }
        received.answer
    }

    /// Checks that the child was started with the credential of the caller.
    ///
    /// # Errors
    /// The caller has no credential, or another one: the session is over for it, and a new child
    /// gets the new one.
    async fn check_caller(&self, call: &WireCall) -> Result<(), CallFailure> {
        let Some(context) = call.context.as_ref().filter(|_| self.command.binds_child()) else {
            return Ok(());
        };
        let refused = |error| {
            let kind = FaultKind::Credentials(error);
            CallFailure::new(Outcome::NotExecuted, kind).with_usable_session()
        };
        let target = RequestTarget::default().for_call(Some(context));
        let headers = self.credentials.headers(target).await;
        let headers = headers.map_err(refused)?;
        match self.command.credential(&headers).map_err(refused)? == self.credential {
            true => Ok(()),
            false => Err(not_sent()),
        }
    }

    async fn exchange(
        &self,
        mut pending: PendingRequest<'_, CallFailure>,
        text: Vec<u8>,
        progress: &Arc<Progress>,
    ) -> Result<ReceivedAnswer<CallFailure>, CallFailure> {
        let line = Outgoing {
            text,
            request: Some(Arc::clone(progress)),
        };
        self.send_line(line).await?;
        let received = pending.received().await;
        received.ok_or_else(|| self.link.interrupted(progress))
    }

    async fn send_line(&self, line: Outgoing) -> Result<(), CallFailure> {
        tokio::select! {
            biased;
            () = self.link.ended.cancelled() => Err(not_sent()),
            sent = self.link.outgoing.send(line) => sent.map_err(|_| not_sent()),
        }
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some((id, progress)) = self.request.take()
            && !progress.withdraw()
        {
            self.link.cancellations.add(id);
        }
    }
}

#[async_trait]
impl Wire for SessionWire {
    async fn call(&self, call: WireCall) -> Result<Answer, CallFailure> {
        self.request(call, self.link.client.get()).await
    }

    async fn send(&self, message: ClientJsonRpcMessage) -> Result<(), CallFailure> {
        let text = encode_message(&message).map_err(|_| not_json())?;
        let request = None;
        self.send_line(Outgoing { text, request }).await
    }

    async fn peer_info(&self) -> Result<ServerPeerInfo, CallFailure> {
        let before_handshake = || CallFailure::new(Outcome::NotExecuted, FaultKind::Other);
        let info = self.link.peer_info.get().cloned();
        info.ok_or_else(before_handshake)
    }
}

fn not_json() -> CallFailure {
    CallFailure::new(Outcome::NotExecuted, FaultKind::Other).with_usable_session()
}

/// The time limit for handling all the progress before one answer.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
