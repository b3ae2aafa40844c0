//! Detection: whether the server at an address speaks Streamable HTTP.
//!
//! The rule is that of the specification (revision 2025-11-25, transports, backwards
//! compatibility): a POST of `initialize` that succeeds is a yes; 400, 404 or 405 is a no. Since
//! revision 2026-07-28 an error of that revision is a yes too.

use std::{collections::HashMap, sync::Arc};

use http::StatusCode;
use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Era, Support, protocol_violation},
};
use mcp_pool_http::{HttpFault, body};
use rmcp::{
    Service,
    model::{
        ClientJsonRpcMessage, ClientRequest, InitializeRequest, ProtocolVersion, RequestId,
        ServerJsonRpcMessage,
    },
    transport::streamable_http_client::StreamableHttpResponseLimits,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    response::{ContentKind, parse},
    session::{Connection, NewConnection, Post},
};

/// One probe of an address.
pub(crate) struct Probe {
    connection: Arc<Connection>,
    post: Post,
    deadline: Instant,
}

impl Probe {
    pub(crate) fn new(http: reqwest::Client, request: &ConnectRequest) -> Self {
        let connection = Connection::new(NewConnection {
            http,
            endpoint: request.endpoint().clone(),
            credentials: request.credentials().clone(),
            era: Era::Legacy,
            wants_stream: false,
            needs_stream: false,
        });
        let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        let client = request.handler().into_service(version).get_info();
        let initialize = ClientRequest::InitializeRequest(InitializeRequest::new(client));
        let post = Post {
            message: ClientJsonRpcMessage::request(initialize, RequestId::Number(0)),
            protocol: HashMap::new(),
            limits: StreamableHttpResponseLimits::default(),
        };
        Self {
            connection,
            post,
            deadline: request.deadline(),
        }
    }

    /// Sends `initialize`, and closes the session that it may have opened.
    pub(crate) async fn run(self) -> Result<Support, ConnectError> {
        let connection = Arc::clone(&self.connection);
        let answer = timeout_at(self.deadline, self.answer()).await;
        connection.close_abandoned().await;
        answer.unwrap_or_else(|_| Err(ConnectError::new(FaultKind::Timeout)))
    }

    async fn answer(self) -> Result<Support, ConnectError> {
        interpret(self.post.initialize(&self.connection).await?).await
    }
}

/// Interprets the response to `initialize`.
async fn interpret(response: reqwest::Response) -> Result<Support, ConnectError> {
    let (status, headers) = (response.status(), response.headers());
    match (status, ContentKind::of(headers)) {
        (BAD_REQUEST | NOT_FOUND | METHOD_NOT_ALLOWED, kind) => Ok(match kind {
            ContentKind::Json if is_modern(&read(response).await) => Support::Supported,
            _ => Support::Unsupported,
        }),
        (status, _) if !status.is_success() => {
            Err(HttpFault::of_status(status, headers, false).into())
        }
        // A well-formed answer is enough, also an error.
        (StatusCode::OK, ContentKind::Events) => Ok(Support::Supported),
        (StatusCode::OK, ContentKind::Json) if is_answer(&read(response).await) => {
            Ok(Support::Supported)
        }
        _ => Err(protocol_violation(
            "the answer to `initialize` is no valid answer",
        )),
    }
}

/// Reads the body and parses its message.
async fn read(response: reqwest::Response) -> Option<ServerJsonRpcMessage> {
    let body = body(response, MAX_ANSWER).await.ok()?;
    parse(&body)
}

/// Whether the error comes from a server that is too new for `initialize`.
fn is_modern(answer: &Option<ServerJsonRpcMessage>) -> bool {
    matches!(answer, Some(ServerJsonRpcMessage::Error(error))
        if MODERN_ERRORS.contains(&error.error.code.0))
}

fn is_answer(message: &Option<ServerJsonRpcMessage>) -> bool {
    matches!(
        message,
        Some(ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_))
    )
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
    use http::header;

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
