//! One request and its answer.

use http::{Method, StatusCode};
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{Answer, Era, ResultKind, WireCall, encode_request},
};
use mcp_pool_http::{HttpFault, answer_to, is_check};
use rmcp::model::ClientRequest;

use super::{
    cancel::Unanswered,
    connection::{Connection, Outgoing},
    read::unreadable,
};
use crate::response::{SentRequest, refused_revision};

impl Connection {
    /// Sends a request and returns its answer. The call ends when the session is closed.
    ///
    /// A dropped call is cancelled on the server: a legacy server is sent a notification, and a
    /// stateless one sees the response closed (revision 2026-07-28, cancellation).
    pub(crate) async fn call(&self, call: WireCall) -> Result<Answer, HttpFault> {
        let _route = self.inbox.route(&call);
        let mut unanswered = Unanswered::of(self, &call);
        let answer = tokio::select! {
            biased;
            answer = self.exchange(&call) => answer_to(&call.request, answer),
            _ = self.ended.wait() => Err(interrupted()),
        };
        unanswered.end();
        if let Err(fault) = &answer
            && *fault.kind() == FaultKind::SessionGone
        {
            self.server.forget(Era::Stateless);
            // The pool decides about its own calls, and may check the session first.
            if call.context.is_none() || is_check(&call.request) {
                self.close_notifier.notify();
            }
        }
        answer
    }

    /// Sends the request that opens a session, or finds out the server's revisions.
    ///
    /// A server may open a session for either. Its id is stored, so that the session is closed.
    pub(crate) async fn handshake(&self, call: &WireCall) -> Result<Answer, HttpFault> {
        let response = self.open(call).await?;
        let (response, refused) = refused_revision(response, self.limits.max_body).await;
        let sent = SentRequest {
            id: &call.id,
            kind: ResultKind::of(&call.request),
            era: None,
            in_session: false,
            introduces: true,
        };
        let answer = self.read(response, &sent).await;
        answer.map_err(|fault| fault.with_refused_revision(refused))
    }

    /// Sends the first request of a session, and stores the id in its response.
    pub(crate) async fn open(&self, call: &WireCall) -> Result<reqwest::Response, HttpFault> {
        let response = self.post(call).await?;
        self.note_first(&response)?;
        Ok(response)
    }

    async fn exchange(&self, call: &WireCall) -> Result<Answer, HttpFault> {
        if self.has_ended() {
            return Err(HttpFault::session_gone());
        }
        let sent = SentRequest {
            id: &call.id,
            kind: ResultKind::of(&call.request),
            era: Some(self.era),
            in_session: self.is_in_session(),
            introduces: matches!(call.request, ClientRequest::DiscoverRequest(_)),
        };
        // Some servers send answers on the standalone stream.
        let standalone = self.standalone();
        let elsewhere = standalone.and_then(|stream| stream.expect_answer(&sent));
        let response = self.post(call).await?;
        let answer = match response.status() {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
                let elsewhere = elsewhere
                    .ok_or_else(|| unreadable("accepted, but no stream is open for the answer"))?;
                drop(response);
                elsewhere.answer().await.ok_or_else(interrupted)?
            }
            _ => self.read(response, &sent).await?,
        };
        Ok(self.with_checked_tools(&call.request, answer))
    }

    async fn post(&self, call: &WireCall) -> Result<reqwest::Response, HttpFault> {
        let client = self.client.as_deref();
        let body = encode_request(&call.request, &call.id, client).map_err(|_| not_json())?;
        if let Some(context) = &call.context {
            context.note_request_id(&call.id);
        }
        self.send(Outgoing {
            method: Method::POST,
            call: call.context.as_ref(),
            request: Some(&call.request),
            body: Some(body.into()),
            last_event_id: None,
        })
        .await
    }
}

fn interrupted() -> HttpFault {
    let what = "the session was closed before the answer came";
    HttpFault::new(Outcome::Unknown, FaultKind::SessionGone, what)
}

fn not_json() -> HttpFault {
    let what = "the message cannot be written as json";
    HttpFault::harmless(Outcome::NotExecuted, FaultKind::Other, what)
}
