//! Detection: whether the server at an address speaks Streamable HTTP.
//!
//! The rule is that of the specification (revision 2025-11-25, transports, backwards
//! compatibility): a POST of `initialize` that succeeds is a yes; 400, 404 or 405 is a no. Since
//! revision 2026-07-28 an error of that revision is a yes too.

use std::sync::Arc;

use http::{HeaderMap, StatusCode, header};
use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{
        ConnectRequest, Era, IncomingKind, Support, WireCall, initialize_request,
        protocol_violation, read_messages,
    },
};
use mcp_pool_http::{HttpFault, body};
use tokio::time::{Instant, timeout_at};

use super::handshake::{Shared, close};
use crate::{
    era_cache::ServerEra,
    response::is_event_stream,
    session::{Connection, NewConnection},
};

/// One probe of an address.
pub(crate) struct Probe {
    connection: Arc<Connection>,
    deadline: Instant,
}

impl Probe {
    pub(crate) fn new(shared: &Shared, request: &ConnectRequest) -> Self {
        let connection = Connection::new(NewConnection {
            http: shared.http.clone(),
            endpoint: request.endpoint().clone(),
            credentials: request.credentials().clone(),
            limits: shared.limits,
            era: Era::Legacy,
            server: Arc::<ServerEra>::default(),
            inbox: request.inbox(),
            client: None,
            wants_stream: false,
        });
        Self {
            connection,
            deadline: request.deadline(),
        }
    }

    /// Sends `initialize`, and closes the session that it may have opened.
    pub(crate) async fn run(self) -> Result<Support, ConnectError> {
        let answer = timeout_at(self.deadline, self.answer()).await;
        close(self.connection).await;
        answer.unwrap_or_else(|_| Err(ConnectError::new(FaultKind::Timeout)))
    }

    async fn answer(&self) -> Result<Support, ConnectError> {
        let inbox = &self.connection.inbox;
        let request = initialize_request(inbox.client_config());
        let call = WireCall::new(inbox.ids().next(), request, None);
        interpret(self.connection.open(&call).await?).await
    }
}

/// Interprets the response to `initialize`.
async fn interpret(response: reqwest::Response) -> Result<Support, ConnectError> {
    let (status, headers) = (response.status(), response.headers());
    let (is_events, is_json) = (is_event_stream(headers), is_json(headers));
    match status {
        BAD_REQUEST | NOT_FOUND | METHOD_NOT_ALLOWED => {
            let code = match is_json {
                true => error_code(&read(response).await),
                false => None,
            };
            // Such an error comes from a server that is too new for `initialize`.
            let is_modern = code.is_some_and(|code| MODERN_ERRORS.contains(&code));
            Ok(match is_modern {
                true => Support::Supported,
                false => Support::Unsupported,
            })
        }
        status if !status.is_success() => Err(HttpFault::of_status(status, headers, false).into()),
        // A well-formed answer is enough, also an error.
        StatusCode::OK if is_events => Ok(Support::Supported),
        StatusCode::OK if is_json && is_answer(&read(response).await) => Ok(Support::Supported),
        _ => Err(protocol_violation(
            "the answer to `initialize` is no valid answer",
        )),
    }
}

async fn read(response: reqwest::Response) -> Vec<u8> {
    body(response, MAX_ANSWER).await.unwrap_or_default()
}

/// The code of the error in a body.
fn error_code(body: &[u8]) -> Option<i32> {
    let messages = read_messages(body)?;
    Some(messages.first()?.error()?.code.0)
}

fn is_answer(body: &[u8]) -> bool {
    let messages = read_messages(body).unwrap_or_default();
    let mut kinds = messages.iter().map(|message| message.kind());
    kinds.any(|kind| matches!(kind, IncomingKind::Error | IncomingKind::Result))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim();
    media.eq_ignore_ascii_case("application/json")
}

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const METHOD_NOT_ALLOWED: StatusCode = StatusCode::METHOD_NOT_ALLOWED;

/// Errors of revision 2026-07-28 that reject a request before execution.
///
/// In this order: header mismatch, missing client capability, unsupported protocol version, method
/// not found (basic, error codes; transports, streamable HTTP).
const MODERN_ERRORS: [i32; 4] = [-32020, -32021, -32022, -32601];

/// Bytes of an answer. A result with long instructions is much smaller.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_as(status: u16, content: &str, text: &str) -> Result<Support, FaultKind> {
        let response = http::Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, content)
            .body(text.to_owned())
            .unwrap();
        let answer = interpret(response.into()).await;
        answer.map_err(|error| error.kind().clone())
    }

    fn error(code: i32) -> String {
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"x"}},"id":0}}"#)
    }

    #[tokio::test]
    async fn a_rejection_is_a_yes_only_with_an_error_of_a_newer_revision() {
        for (status, code) in [(400, -32022), (400, -32020), (400, -32021), (404, -32601)] {
            let answer = read_as(status, "application/json", &error(code)).await;
            assert_eq!(answer, Ok(Support::Supported), "{code}");
        }
        let others = [
            ("application/json", error(-32000)),
            ("application/json", r#"{"detail":"Not Found"}"#.to_owned()),
            ("text/html", error(-32022)),
            ("text/plain", String::new()),
        ];
        for status in [400, 404, 405] {
            for (content, text) in &others {
                let answer = read_as(status, content, text).await;
                assert_eq!(answer, Ok(Support::Unsupported), "{status} {text}");
            }
        }
    }

    #[tokio::test]
    async fn only_an_answer_in_json_or_events_is_a_yes() {
        for (content, text) in [
            (
                "application/json",
                r#"{"jsonrpc":"2.0","result":{},"id":0}"#,
            ),
            ("application/json; charset=utf-8", &error(-32603)),
            ("text/event-stream", ""),
        ] {
            assert_eq!(read_as(200, content, text).await, Ok(Support::Supported));
        }
        for (status, content, text) in [
            (200, "text/html", "<p>welcome</p>"),
            (200, "application/json", r#"{"ok":true}"#),
            (202, "text/event-stream", ""),
            (307, "text/plain", ""),
            (406, "text/plain", ""),
        ] {
            let answer = read_as(status, content, text).await;
            assert_eq!(answer, Err(FaultKind::Protocol), "{status} {text}");
        }
    }
}
