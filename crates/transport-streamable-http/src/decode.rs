//! What a response to a POST means.

use http::{HeaderMap, StatusCode, header};
use mcp_pool_core::{FaultKind, Outcome};
use mcp_pool_http::{HttpFault, body};
use rmcp::{
    model::{ClientJsonRpcMessage, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{StreamableHttpPostResponse, StreamableHttpResponseLimits},
};

use crate::events::events;

/// What was asked, as far as it matters for the answer.
pub(crate) struct Asked {
    /// The id of a request; `None` for a message that has no answer.
    pub(crate) request: Option<RequestId>,
    /// Whether the message named a session.
    pub(crate) in_session: bool,
    /// Whether an answer could come on the standalone stream.
    pub(crate) has_stream: bool,
}

/// How a body is written.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Events,
    Json,
    Other,
}

impl Asked {
    pub(crate) fn of(message: &ClientJsonRpcMessage, in_session: bool, has_stream: bool) -> Self {
        let request = match message {
            ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        Self {
            request,
            in_session,
            has_stream,
        }
    }
}

/// Reads the response to a POST.
pub(crate) async fn decode(
    response: reqwest::Response,
    asked: &Asked,
    limits: StreamableHttpResponseLimits,
) -> Result<StreamableHttpPostResponse, HttpFault> {
    let status = response.status();
    let form = form(response.headers());
    if !status.is_success() {
        return refused(response, form, asked, limits).await;
    }
    let Some(request) = &asked.request else {
        // Nothing in the response to a notification matters; reading it frees the connection.
        let _ = body(response, limits.max_json_response_size).await;
        return Ok(StreamableHttpPostResponse::Accepted);
    };
    if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
        // Some servers answer on the standalone stream.
        return match asked.has_stream {
            true => Ok(StreamableHttpPostResponse::Accepted),
            false => Err(unreadable("accepted, but there is no way for an answer")),
        };
    }
    match form {
        Form::Events => {
            let events = events(response, limits.max_sse_event_size, Some(request.clone()));
            Ok(StreamableHttpPostResponse::Sse(events, None))
        }
        Form::Json => {
            let body = body(response, limits.max_json_response_size).await?;
            let message = parse(&body).ok_or_else(|| unreadable("the body is no message"))?;
            Ok(StreamableHttpPostResponse::Json(
                correlated(message, request),
                None,
            ))
        }
        Form::Other => Err(unreadable("the content is neither json nor events")),
    }
}

/// Reads a response whose status says that the request failed.
async fn refused(
    response: reqwest::Response,
    form: Form,
    asked: &Asked,
    limits: StreamableHttpResponseLimits,
) -> Result<StreamableHttpPostResponse, HttpFault> {
    let status = response.status();
    let fault = HttpFault::of_status(status, response.headers(), asked.in_session);
    let says_nothing_more = matches!(
        fault.kind(),
        FaultKind::Unauthorized(_) | FaultKind::Forbidden(_) | FaultKind::RateLimited { .. }
    );
    let Some(request) = &asked.request else {
        return Err(fault);
    };
    if says_nothing_more || form != Form::Json || *fault.kind() == FaultKind::SessionGone {
        return Err(fault);
    }
    let body = body(response, limits.max_json_response_size).await;
    let Some(ServerJsonRpcMessage::Error(error)) = body.ok().and_then(|body| parse(&body)) else {
        return Err(fault);
    };
    if error.id.as_ref() == Some(request) {
        return Ok(StreamableHttpPostResponse::Json(
            ServerJsonRpcMessage::Error(error),
            None,
        ));
    }
    // An error without the request's id comes from before the request was looked at. From a server
    // that was told a session, with 400, that is how several say that they do not know it.
    match asked.in_session && status == StatusCode::BAD_REQUEST {
        true => Err(HttpFault::session_gone()),
        false => Ok(StreamableHttpPostResponse::Json(
            correlated(ServerJsonRpcMessage::Error(error), request),
            None,
        )),
    }
}

/// Names the request in an error that does not: it can only be the answer to it, and rmcp would
/// wait for ever for one that names it.
fn correlated(message: ServerJsonRpcMessage, request: &RequestId) -> ServerJsonRpcMessage {
    match message {
        ServerJsonRpcMessage::Error(mut error) => {
            error.id = Some(request.clone());
            ServerJsonRpcMessage::Error(error)
        }
        other => other,
    }
}

fn parse(body: &[u8]) -> Option<ServerJsonRpcMessage> {
    serde_json::from_slice(body).ok()
}

fn unreadable(what: &'static str) -> HttpFault {
    HttpFault::harmless(Outcome::Unknown, FaultKind::Protocol, what)
}

fn form(headers: &HeaderMap) -> Form {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim();
    if media.eq_ignore_ascii_case("text/event-stream") {
        Form::Events
    } else if media.eq_ignore_ascii_case("application/json") {
        Form::Json
    } else {
        Form::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, content: &str, text: &'static str) -> reqwest::Response {
        let response = http::Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, content)
            .body(text)
            .unwrap();
        response.into()
    }

    fn asked(in_session: bool) -> Asked {
        Asked {
            request: Some(RequestId::Number(3)),
            in_session,
            has_stream: false,
        }
    }

    async fn read(
        response: reqwest::Response,
        asked: &Asked,
    ) -> Result<StreamableHttpPostResponse, HttpFault> {
        decode(response, asked, StreamableHttpResponseLimits::default()).await
    }

    const NAMELESS: &str = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"x"},"id":null}"#;

    #[tokio::test]
    async fn a_nameless_400_in_a_session_means_that_the_session_is_gone() {
        let fault = read(response(400, "application/json", NAMELESS), &asked(true))
            .await
            .unwrap_err();
        assert_eq!(fault.kind(), &FaultKind::SessionGone);
        assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
    }

    #[tokio::test]
    async fn a_nameless_error_outside_of_a_session_is_the_answer() {
        for status in [200, 400, 500] {
            let answer = read(
                response(status, "application/json", NAMELESS),
                &asked(false),
            )
            .await;
            let Ok(StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(error), _)) =
                answer
            else {
                panic!("{status}: {answer:?}");
            };
            assert_eq!(error.id, Some(RequestId::Number(3)));
        }
    }

    #[tokio::test]
    async fn an_error_that_names_the_request_is_an_answer_whatever_the_status() {
        let named = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"x"},"id":3}"#;
        for status in [400, 404, 500] {
            let answer = read(response(status, "application/json", named), &asked(false)).await;
            assert!(
                matches!(answer, Ok(StreamableHttpPostResponse::Json(..))),
                "{status}"
            );
        }
    }

    #[tokio::test]
    async fn a_refused_credential_is_never_taken_for_an_answer() {
        let named = r#"{"jsonrpc":"2.0","error":{"code":1,"message":"x"},"id":3}"#;
        let fault = read(response(401, "application/json", named), &asked(true))
            .await
            .unwrap_err();
        assert!(matches!(fault.kind(), FaultKind::Unauthorized(_)));
        assert!(fault.failure().is_session_usable());
    }

    #[tokio::test]
    async fn an_answer_that_cannot_come_is_an_error_at_once() {
        let fault = read(response(202, "text/plain", ""), &asked(true)).await;
        assert_eq!(fault.unwrap_err().failure().outcome(), Outcome::Unknown);
    }
}
