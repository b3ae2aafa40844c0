//! The session as the core sees it: requests, messages, its end.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderValue, Method, StatusCode};
use mcp_pool_core::{
    error::{CallFailure, FaultKind, Outcome, SessionCondition},
    extend::{
        Answer, CallContext, CloseOutcome, Era, SessionInfo, Wire, WireCall, encode_message,
        read_messages,
    },
};
use mcp_pool_http::{HttpFault, body};
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, DiscoverRequest, DiscoverRequestParams, ProtocolVersion,
    ServerPeerInfo, ServerResult,
};
use tokio::time::{sleep, timeout};

use super::connection::{Connection, Outgoing, STATELESS};
use crate::{
    request::{RevisionHeader, known_revision_header, revision_header},
    response::refusal_of,
};

#[async_trait]
impl Wire for Connection {
    async fn call(&self, call: WireCall) -> Result<Answer, CallFailure> {
        let answer = Self::call(self, call).await;
        answer.map_err(|fault| self.failure(&fault))
    }

    async fn send(&self, message: ClientJsonRpcMessage) -> Result<(), CallFailure> {
        let sent = self.send_message(&message, None).await;
        sent.map_err(|fault| self.failure(&fault))
    }

    async fn peer_info(&self) -> Result<ServerPeerInfo, CallFailure> {
        let info = self.known_or_discovered().await;
        let info = info.map_err(|fault| self.failure(&fault))?;
        self.receive_early().await;
        Ok(ServerPeerInfo::clone(&info))
    }
}

impl Connection {
    /// Sends a message that has no answer.
    pub(crate) async fn send_message(
        &self,
        message: &ClientJsonRpcMessage,
        context: Option<&CallContext>,
    ) -> Result<(), HttpFault> {
        let text = encode_message(message).map_err(|_| {
            let what = "the message cannot be written as json";
            HttpFault::harmless(Outcome::NotExecuted, FaultKind::Other, what)
        })?;
        let outgoing = Outgoing {
            method: Method::POST,
            call: context,
            request: None,
            body: Some(text.into()),
            last_event_id: None,
        };
        let response = Self::send(self, outgoing).await?;
        if !response.status().is_success() {
            return Err(refusal_of(response, self.is_in_session()).await);
        }
        // Reading the body lets reqwest reuse the connection. A body without end is not read.
        let read = body(response, MAX_DRAINED);
        let _ = timeout(DRAIN_TIMEOUT, read).await;
        Ok(())
    }

    /// Sends the DELETE once; later calls return its outcome.
    pub(crate) async fn delete_session(&self) -> CloseOutcome {
        if !self.has_session_id() {
            return CloseOutcome::Completed;
        }
        let deleted = &self.rare().deleted;
        *deleted.get_or_init(|| self.send_delete()).await
    }

    /// Receives the messages that came beside the answer which introduced the server.
    pub(crate) async fn receive_early(&self) {
        let early = self.known_rare().map(|rare| rare.early.take());
        for text in early.into_iter().flatten() {
            for message in read_messages(text.as_bytes()).into_iter().flatten() {
                drop(self.inbox.receive(&message).await);
            }
        }
    }

    /// Ends every call and every task of the session.
    pub(crate) fn end(&self) {
        // A second call has no effect.
        let _ = self.ended.set(());
        self.inbox.close();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.initialized()
    }

    /// Stores the negotiated revision, which every later request names.
    pub(crate) fn note_revision(&self, revision: &ProtocolVersion) {
        // Set once, in the handshake.
        match revision_header(revision) {
            Some(RevisionHeader::Known(known)) => {
                let (unknown, known) = (0, known + 1);
                let _ = (self.revision).compare_exchange(unknown, known, Relaxed, Relaxed);
            }
            Some(RevisionHeader::Other(header)) => drop(self.rare().revision.set(header)),
            None => {}
        }
    }

    /// The negotiated revision, as a header.
    pub(super) fn revision(&self) -> Option<HeaderValue> {
        match self.revision.load(Relaxed).checked_sub(1) {
            Some(known) => known_revision_header(known),
            None => self.known_rare()?.revision.get().cloned(),
        }
    }

    /// What is known of the session, in this revision.
    pub(crate) fn info(&self, revision: &str) -> SessionInfo {
        let notifier = &self.close_notifier;
        let info = SessionInfo::beside(notifier, self.era, revision).with_network("http", "tcp");
        match self.era {
            Era::Stateless => info,
            _ => info.with_server_stream(notifier.server_stream()),
        }
    }

    /// Keeps the description that the server gave of itself.
    pub(crate) fn note_info(&self, info: Arc<ServerPeerInfo>) {
        // Set once, in the handshake.
        let _ = self.info.set(info);
    }

    /// The description that the server gave of itself. One call requests it for all.
    async fn known_or_discovered(&self) -> Result<Arc<ServerPeerInfo>, HttpFault> {
        if let Some(info) = self.info.get() {
            return Ok(Arc::clone(info));
        }
        let _discovering = self.rare().discovering.lock().await;
        if let Some(info) = self.info.get() {
            return Ok(Arc::clone(info));
        }
        let info = self.discover().await?;
        Ok(Arc::clone(self.info.get_or_init(|| info)))
    }

    /// The description that the server gives of itself (revision 2026-07-28, discovery).
    async fn discover(&self) -> Result<Arc<ServerPeerInfo>, HttpFault> {
        let call = WireCall::new(self.inbox.ids().next(), discover_request(), None);
        let answer = Self::call(self, call).await?;
        match answer.into_result() {
            Ok(ServerResult::DiscoverResult(result)) => {
                let info = ServerPeerInfo::from_discover_result(STATELESS, result);
                Ok(Arc::new(info))
            }
            _ => {
                let what = "the answer to `server/discover` is no valid answer";
                Err(HttpFault::harmless(
                    Outcome::Answered,
                    FaultKind::Protocol,
                    what,
                ))
            }
        }
    }

    /// The fault as a call reports it. A stateless session has no state that a failed call could
    /// damage, so that only a refusal is worth a check.
    pub(super) fn failure(&self, fault: &HttpFault) -> CallFailure {
        let failure = fault.failure().clone();
        match (self.era, failure.session()) {
            (Era::Stateless, SessionCondition::Suspect) => failure.with_usable_session(),
            _ => failure,
        }
    }

    /// Ends the session at its server.
    async fn send_delete(&self) -> CloseOutcome {
        let response = self.delete_patiently().await;
        match response.map(|response| response.status()) {
            // 405: the server does not let clients end sessions. 404: it has no such session.
            Ok(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND) => CloseOutcome::Completed,
            Ok(status) if status.is_success() => CloseOutcome::Completed,
            _ => CloseOutcome::Failed,
        }
    }

    /// Sends the DELETE, and again where no server was there, or none with a certificate that is trusted,
    /// since one that restarts may have kept the session; or where no response comes: the connection may be
    /// half open, and dropping the request closes it.
    async fn delete_patiently(&self) -> Result<reqwest::Response, HttpFault> {
        for pause in ABSENCES {
            match timeout(DELETE_ATTEMPT, Self::send(self, delete())).await {
                Ok(Err(fault)) if fault.is_never_reached() => sleep(pause).await,
                Ok(result) => return result,
                Err(_) => {}
            }
        }
        Self::send(self, delete()).await
    }
}

/// The request that ends a session.
fn delete() -> Outgoing<'static> {
    Outgoing {
        method: Method::DELETE,
        call: None,
        request: None,
        body: None,
        last_event_id: None,
    }
}

/// The request that finds out the revisions of a server.
pub(crate) fn discover_request() -> ClientRequest {
    ClientRequest::DiscoverRequest(DiscoverRequest::new(DiscoverRequestParams {}))
}

/// How long a farewell waits for a server that is not there. Short, since each holds a permit meanwhile.
const ABSENCES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];
/// How long one attempt of a farewell may take. Well below the default `close_timeout`.
const DELETE_ATTEMPT: Duration = Duration::from_millis(800);
const MAX_DRAINED: usize = 64 * 1024;
/// The time limit for reading a body that is not used.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
