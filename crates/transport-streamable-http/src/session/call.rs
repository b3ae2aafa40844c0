//! One request and its answer.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use http::{Method, StatusCode};
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{Answer, Delivery, Era, ResultKind, WireCall, encode_request, read_messages},
};
use mcp_pool_http::{EventStream, HttpFault, body};
use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification,
    ClientRequest, RequestId,
};
use serde_json::{Value, value::RawValue};
use tokio::{runtime::Handle, time::timeout};

use super::{
    connection::{Connection, Outgoing},
    pace::Pace,
};
use crate::{
    request::may_annotate,
    response::{SentRequest, is_event_stream, read_refusal},
};

impl Connection {
    /// Sends a request and returns its answer. The call ends when the session is closed.
    ///
    /// A dropped call is cancelled on the server: a legacy server is sent a notification, and a
    /// stateless one sees the response closed (revision 2026-07-28, cancellation).
    pub(crate) async fn call(&self, call: WireCall) -> Result<Answer, HttpFault> {
        let _route = self.inbox.route(&call);
        let mut unanswered = Unanswered::of(self, &call.id);
        let answer = tokio::select! {
            biased;
            answer = self.exchange(&call) => answer,
            () = self.ended.cancelled() => Err(interrupted()),
        };
        unanswered.end();
        if let Err(fault) = &answer
            && *fault.kind() == FaultKind::SessionGone
        {
            self.note_gone();
        }
        answer
    }

    /// Sends the request that opens a session, or finds out the server's revisions.
    ///
    /// A server may open a session for either. Its id is stored, so that the session is closed.
    pub(crate) async fn handshake(&self, call: &WireCall) -> Result<Answer, HttpFault> {
        let response = self.open(call).await?;
        let sent = SentRequest {
            id: &call.id,
            kind: ResultKind::of(&call.request),
            era: None,
            in_session: false,
            introduces: true,
        };
        self.read(response, &sent).await
    }

    /// Sends the first request of a session, and stores the id in its response.
    pub(crate) async fn open(&self, call: &WireCall) -> Result<reqwest::Response, HttpFault> {
        let response = self.post(call).await?;
        self.note_first(&response)?;
        Ok(response)
    }

    async fn exchange(&self, call: &WireCall) -> Result<Answer, HttpFault> {
        if self.ended.is_cancelled() {
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
        let standalone = self.standalone.as_deref();
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

    /// Reads the response to a request.
    async fn read(
        &self,
        response: reqwest::Response,
        sent: &SentRequest<'_>,
    ) -> Result<Answer, HttpFault> {
        if !response.status().is_success() {
            return read_refusal(response, sent, self.limits.max_body).await;
        }
        if is_event_stream(response.headers()) {
            return self.read_events(response, sent).await;
        }
        let body = body(response, self.limits.max_body).await?;
        let mut progress = Delivery::default();
        match self.take(&body, sent, &mut progress).await {
            Taken::Answer(answer) => {
                progress.handled().await;
                Ok(answer)
            }
            Taken::Others => Err(unreadable("the body does not answer the request")),
            Taken::Nothing => Err(unreadable("the body is no JSON-RPC message")),
        }
    }

    /// Reads events until the answer comes. A legacy server may end the stream and go on with it
    /// elsewhere (revision 2025-11-25, transports, resumability).
    async fn read_events(
        &self,
        response: reqwest::Response,
        sent: &SentRequest<'_>,
    ) -> Result<Answer, HttpFault> {
        let mut events = EventStream::new(response, self.limits.max_event);
        let mut progress = Delivery::default();
        let mut pace = Pace::of_answer();
        let mut last_id = None;
        loop {
            let fault = loop {
                match events.next().await {
                    Ok(Some(event)) => {
                        pace.note_event();
                        let taken = self.take(event.data.as_bytes(), sent, &mut progress).await;
                        if let Taken::Answer(answer) = taken {
                            progress.handled().await;
                            return Ok(answer);
                        }
                    }
                    Ok(None) => break ended_early(),
                    Err(fault) => break fault,
                }
            };
            last_id = events.last_id().map(str::to_owned).or(last_id);
            let Some(id) = self.resumable(last_id.as_deref(), &fault) else {
                return Err(fault);
            };
            let Some(pause) = pace.pause(events.retry()) else {
                return Err(fault);
            };
            tokio::time::sleep(pause).await;
            match self.get(Some(id)).await {
                Ok(response) => events = EventStream::new(response, self.limits.max_event),
                Err(_) => return Err(fault),
            }
        }
    }

    /// The event to resume a broken answer from. The connection broke, and not the events.
    fn resumable<'i>(&self, last_id: Option<&'i str>, fault: &HttpFault) -> Option<&'i str> {
        let is_broken = *fault.kind() == FaultKind::Unreachable;
        last_id.filter(|_| is_broken && self.is_in_session())
    }

    /// Takes the answer out of a text, and gives everything beside it to the inbox.
    async fn take(&self, text: &[u8], sent: &SentRequest<'_>, progress: &mut Delivery) -> Taken {
        let Some(messages) = read_messages(text) else {
            return Taken::Nothing;
        };
        let mut answer = None;
        for message in &messages {
            if answer.is_none() {
                answer = sent.answer_in(message);
                if answer.is_some() {
                    continue;
                }
            }
            if sent.introduces && message.method() != Some(PING) {
                self.early.keep(message);
                continue;
            }
            let delivery = self.inbox.receive(message).await;
            if message.method() == Some(PROGRESS) {
                *progress = delivery;
            }
        }
        answer.map_or(Taken::Others, Taken::Answer)
    }

    /// Opens an event stream by GET.
    pub(super) async fn get(
        &self,
        last_event_id: Option<&str>,
    ) -> Result<reqwest::Response, HttpFault> {
        let response = self
            .send(Outgoing {
                method: Method::GET,
                call: None,
                request: None,
                body: None,
                last_event_id,
            })
            .await?;
        let (status, headers) = (response.status(), response.headers());
        if !status.is_success() {
            return Err(HttpFault::of_status(status, headers, self.is_in_session()));
        }
        match is_event_stream(headers) {
            true => Ok(response),
            false => Err(unreadable("the response is no event stream")),
        }
    }

    /// Notes the headers that the tools of a stateless server want, and leaves out the tools that
    /// want invalid ones (revision 2026-07-28, transports, custom headers).
    fn with_checked_tools(&self, request: &ClientRequest, answer: Answer) -> Answer {
        let is_list = matches!(request, ClientRequest::ListToolsRequest(_));
        let raw = answer
            .raw()
            .filter(|raw| is_list && self.era == Era::Stateless && may_annotate(raw.get()));
        let checked = raw.and_then(|raw| self.checked_tools(raw));
        match checked {
            Some(raw) => Answer::from_raw(ResultKind::of(request), raw),
            None => answer,
        }
    }

    /// The list without invalid tools; `None` where all are valid.
    fn checked_tools(&self, list: &RawValue) -> Option<Box<RawValue>> {
        let mut list: Value = serde_json::from_str(list.get()).ok()?;
        let tools = list.get_mut("tools")?.as_array_mut()?;
        let before = tools.len();
        let mut headers = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        tools.retain(|tool| {
            let name = tool.get("name").and_then(Value::as_str);
            let schema = tool.get("inputSchema").and_then(Value::as_object);
            name.zip(schema)
                .is_none_or(|(name, schema)| headers.note(name, schema))
        });
        let left_out = before - tools.len();
        if left_out == 0 {
            return None;
        }
        tracing::debug!(left_out, "tools with invalid header annotations");
        serde_json::value::to_raw_value(&list).ok()
    }
}

/// What a text holds.
enum Taken {
    Answer(Answer),
    /// No JSON-RPC message.
    Nothing,
    /// Other messages.
    Others,
}

/// A request without an answer. Dropping it cancels the request on a legacy server.
struct Unanswered<'c> {
    connection: Option<&'c Connection>,
    id: &'c RequestId,
}

impl<'c> Unanswered<'c> {
    fn of(connection: &'c Connection, id: &'c RequestId) -> Self {
        let needs_notice = connection.era == Era::Legacy;
        Self {
            connection: needs_notice.then_some(connection),
            id,
        }
    }

    fn end(&mut self) {
        self.connection = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Some(connection) = self
            .connection
            .and_then(|connection| connection.me.upgrade())
        else {
            return;
        };
        // Without a runtime there is no connection either.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let id = self.id.clone();
        runtime.spawn(async move {
            let _ = timeout(CANCEL_TIMEOUT, cancel(connection, id)).await;
        });
    }
}

async fn cancel(connection: Arc<Connection>, id: RequestId) {
    let reason = "the caller is gone".to_owned();
    let params = CancelledNotificationParam::new(Some(id), Some(reason));
    let notification =
        ClientNotification::CancelledNotification(CancelledNotification::new(params));
    let message = ClientJsonRpcMessage::notification(notification);
    // A server that does not take it goes on for nothing.
    let _ = connection.send_message(&message).await;
}

fn ended_early() -> HttpFault {
    let what = "the response ended before the answer came";
    HttpFault::new(Outcome::Unknown, FaultKind::Unreachable, what)
}

fn interrupted() -> HttpFault {
    let what = "the session was closed before the answer came";
    HttpFault::new(Outcome::Unknown, FaultKind::SessionGone, what)
}

fn unreadable(what: &'static str) -> HttpFault {
    HttpFault::harmless(Outcome::Unknown, FaultKind::Protocol, what)
}

fn not_json() -> HttpFault {
    let what = "the message cannot be written as json";
    HttpFault::harmless(Outcome::NotExecuted, FaultKind::Other, what)
}

/// The time limit for the notification that cancels a request.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
const PING: &str = "ping";
pub(super) const PROGRESS: &str = "notifications/progress";
