//! Messages to the server, one POST each.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use mcp_pool_core::{
    error::{FaultKind, Outcome, SessionCondition},
    extend::{
        Answer, CallContext, IncomingKind, RefusedRevision, ResultKind, encode_message,
        read_messages,
    },
};
use mcp_pool_http::{HttpFault, Refusal, RefusalBody, body, send};
use rmcp::{ErrorData, model::RequestId};
use tokio::time::timeout;

use super::connection::Connection;
use crate::stream::{is_events, is_of_type};

/// A message on its way out.
pub(super) struct Message {
    pub(super) text: Bytes,
    /// The caller whose credentials it is sent with; `None`: those of the session.
    pub(super) context: Option<CallContext>,
    /// The id and the result of a request.
    pub(super) request: Option<(RequestId, ResultKind)>,
}

impl Message {
    /// A message without an answer, from the session itself.
    ///
    /// # Errors
    /// It holds a value that JSON has no form for.
    pub(super) fn of(message: &rmcp::model::ClientJsonRpcMessage) -> Result<Self, HttpFault> {
        Ok(Self {
            text: encode_message(message).map_err(|_| no_json())?.into(),
            context: None,
            request: None,
        })
    }
}

/// Sends a message. Returns the answer where it comes in the response, and not on the stream.
///
/// # Errors
/// The server did not accept the message, or the session ended meanwhile.
///
/// # Cancel safety
/// Not cancel safe: the server may or may not get the message.
pub(super) async fn post(
    connection: Arc<Connection>,
    message: Message,
) -> Result<Option<Answer>, HttpFault> {
    if connection.ended.is_cancelled() {
        let what = "the session ended before the message was sent";
        return Err(HttpFault::new(
            Outcome::NotExecuted,
            FaultKind::SessionGone,
            what,
        ));
    }
    let sent = tokio::select! {
        // The result of the POST is more precise than the end of the session.
        biased;
        sent = exchange(&connection, &message) => sent,
        () = connection.ended.cancelled() => Err(connection.interrupted()),
    };
    if let Err(fault) = &sent
        && *fault.kind() == FaultKind::SessionGone
        && message.context.is_none()
    {
        // The pool starts no further call, and decides about its own calls itself. Calls in flight may
        // still be answered.
        connection.close_notifier.notify();
    }
    sent
}

async fn exchange(connection: &Connection, message: &Message) -> Result<Option<Answer>, HttpFault> {
    let limit = connection.limits.post_timeout;
    let response = send(
        &connection.http_session,
        &connection.credentials,
        connection.target().for_call(message.context.as_ref()),
        |headers| connection.request(headers, message.text.clone()),
    );
    let response = timeout(limit, response)
        .await
        .unwrap_or_else(|_| Err(late()))?;
    match response.status().is_success() {
        true => accepted(connection, response, message).await,
        false => {
            let refused = timeout(limit, refused(connection, response, message)).await;
            refused.unwrap_or_else(|_| Err(late()))
        }
    }
}

/// Reads a response with a status of success. The server may answer in it.
async fn accepted(
    connection: &Connection,
    response: reqwest::Response,
    message: &Message,
) -> Result<Option<Answer>, HttpFault> {
    let limits = &connection.limits;
    let (is_events, is_json) = (is_events(response.headers()), is_json(response.headers()));
    let Some((id, kind)) = message.request.as_ref().filter(|_| !is_events) else {
        // Reading the body lets reqwest reuse the connection.
        let _ = timeout(DRAIN_TIMEOUT, body(response, MAX_BODY)).await;
        return Ok(None);
    };
    match timeout(limits.post_timeout, body(response, limits.max_body)).await {
        Ok(Ok(body)) => Ok(answer_to(id, *kind, &body)),
        Ok(Err(fault)) if is_json && matches!(fault.kind(), FaultKind::TooLarge { .. }) => {
            Err(fault)
        }
        // The body is not needed: an answer that is not in it comes on the stream.
        _ => Ok(None),
    }
}

/// Reads a response with a status of failure.
async fn refused(
    connection: &Connection,
    mut response: reqwest::Response,
    message: &Message,
) -> Result<Option<Answer>, HttpFault> {
    let status = response.status();
    let in_session = connection.is_initialized();
    let headers = std::mem::take(response.headers_mut());
    let text = body(response, MAX_BODY).await.unwrap_or_default();
    let refusal = Refusal {
        status,
        headers: &headers,
        body: RefusalBody::of(&text),
        in_session,
    };
    let fault = refusal.fault().with_refused_revision(match in_session {
        true => None,
        false => RefusedRevision::of_text(&String::from_utf8_lossy(&text)),
    });
    let Some((id, kind)) = &message.request else {
        return Err(fault);
    };
    let is_hidden = !in_session && is_decided(&fault);
    if !is_hidden
        && !fault.has_challenge()
        && let Some(answer) = answer_to(id, *kind, &text)
    {
        return Ok(Some(answer));
    }
    match nameless_error(&text) {
        Some(error) if !is_decided(&fault) => {
            let may_be_lost = in_session && fault.failure().session() == SessionCondition::Refused;
            Ok(Some(match may_be_lost {
                true => Answer::from_refusal(error),
                false => Answer::from_error(error),
            }))
        }
        _ => Err(fault),
    }
}

/// True where the status tells more than an error that names no request.
fn is_decided(fault: &HttpFault) -> bool {
    matches!(
        fault.kind(),
        FaultKind::Forbidden(_)
            | FaultKind::RateLimited { .. }
            | FaultKind::SessionGone
            | FaultKind::Unauthorized(_)
    )
}

/// The answer to the request with this id, if the body holds one.
fn answer_to(id: &RequestId, kind: ResultKind, body: &[u8]) -> Option<Answer> {
    let messages = read_messages(body)?;
    let is_answer = |kind| matches!(kind, IncomingKind::Result | IncomingKind::Error);
    let mut answers = messages.iter().filter(|message| is_answer(message.kind()));
    let answer = answers.find(|message| message.is_for(id))?;
    Some(Answer::in_message(answer, kind))
}

/// The error in a body that names no request.
fn nameless_error(body: &[u8]) -> Option<ErrorData> {
    let messages = read_messages(body)?;
    let [message] = messages.as_slice() else {
        return None;
    };
    let is_nameless = message.kind() == IncomingKind::Error && !message.has_id();
    is_nameless.then(|| message.error())?
}

fn is_json(headers: &HeaderMap) -> bool {
    is_of_type(headers, "application/json")
}

/// A message that cannot be written.
pub(super) fn no_json() -> HttpFault {
    let what = "the message cannot be written as json";
    HttpFault::harmless(Outcome::NotExecuted, FaultKind::Other, what)
}

fn late() -> HttpFault {
    let what = "the server did not accept the message in time";
    HttpFault::suspect(Outcome::Unknown, FaultKind::Timeout, what)
}

const MAX_BODY: usize = 64 * 1024;
/// The time limit for reading a body that is not used.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use mcp_pool_core::{Endpoint, extend::Credentials};
    use rmcp::model::{ClientRequest, PingRequest};

    use super::*;
    use crate::{limits::Limits, session::NewConnection};

    fn connection() -> Connection {
        let endpoint = Endpoint::sse("http://localhost/sse").unwrap();
        let connection = Connection::new(NewConnection {
            http: reqwest::Client::new(),
            http_session: mcp_pool_http::HttpSession::default(),
            credentials: Credentials::fixed(endpoint.clone(), HeaderMap::new()),
            limits: Limits::default(),
            stream: endpoint.url().clone(),
            endpoint: endpoint.url().clone(),
        });
        connection.note_initialized();
        connection
    }

    fn ping() -> Message {
        let ping = ClientRequest::PingRequest(PingRequest::default());
        let id = RequestId::Number(3);
        Message {
            text: Bytes::new(),
            context: None,
            request: Some((id, ResultKind::of(&ping))),
        }
    }

    fn response(status: u16, text: String) -> reqwest::Response {
        let response = http::Response::builder().status(status);
        let response = response.header("content-type", "application/json");
        response.body(text).unwrap().into()
    }

    /// Answers request 3 with this status and an error that has `id`.
    async fn refuse(status: u16, id: &str) -> Result<Option<Answer>, HttpFault> {
        let text =
            format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32601,"message":"x"}},"id":{id}}}"#);
        refused(&connection(), response(status, text), &ping()).await
    }

    #[tokio::test]
    async fn an_error_with_the_id_of_the_request_is_its_answer_for_any_status() {
        for status in [400, 401, 403, 404, 429, 500] {
            let answer = refuse(status, "3").await.unwrap().expect("an answer");
            assert_eq!(answer.error().map(|error| error.code.0), Some(-32601));
        }
    }

    #[tokio::test]
    async fn an_error_that_does_not_answer_the_request_is_a_fault() {
        for (status, id, kind) in [
            (400, "4", "protocol"),
            (401, "4", "unauthorized"),
            (403, "4", "forbidden"),
            (404, "4", "not_found"),
            (429, "null", "rate_limited"),
        ] {
            let fault = refuse(status, id).await.unwrap_err();
            assert_eq!(fault.kind().label(), kind, "{status}");
        }
    }

    #[tokio::test]
    async fn a_result_in_the_response_is_the_answer_to_its_request_alone() {
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":3,"result":{"a":1}}"#, true),
            (r#"[{"id":2,"result":{}},{"id":3,"result":{"a":1}}]"#, true),
            (r#"{"jsonrpc":"2.0","id":4,"result":{"a":1}}"#, false),
            (r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#, false),
            ("\"Accepted\"", false),
        ] {
            let answer = accepted(&connection(), response(200, text.to_owned()), &ping()).await;
            let answer = answer.expect("no fault");
            let raw = answer.as_ref().and_then(Answer::raw).map(|raw| raw.get());
            assert_eq!(raw, expected.then_some(r#"{"a":1}"#), "{text}");
        }
    }
}
