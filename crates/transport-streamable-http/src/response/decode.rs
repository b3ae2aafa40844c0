//! What a response to a POST means.

use http::StatusCode;
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::Era,
};
use mcp_pool_http::{HttpFault, body};
use rmcp::{
    model::{ErrorCode, JsonRpcError, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{StreamableHttpPostResponse, StreamableHttpResponseLimits},
};

use super::{
    content::{ContentKind, parse},
    events::events,
};

/// What was asked, as far as it matters for the answer.
pub(crate) struct SentRequest {
    /// The id of a request; `None` for a message that has no answer.
    pub(crate) request: Option<RequestId>,
    /// The era that the server was taken to be of; `None` while that is being found out.
    pub(crate) era: Option<Era>,
    /// Whether the message named a session.
    pub(crate) in_session: bool,
    /// Whether an answer could come on the standalone stream.
    pub(crate) has_stream: bool,
}

/// Reads the response to a POST.
pub(crate) async fn decode(
    response: reqwest::Response,
    sent: &SentRequest,
    limits: StreamableHttpResponseLimits,
) -> Result<StreamableHttpPostResponse, HttpFault> {
    let status = response.status();
    let kind = ContentKind::of(response.headers());
    if !status.is_success() {
        return refused(response, kind, sent, limits).await;
    }
    let Some(request) = &sent.request else {
        // Nothing in the response to a notification matters; reading it frees the connection.
        let _ = body(response, limits.max_json_response_size).await;
        return Ok(StreamableHttpPostResponse::Accepted);
    };
    if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
        // Some servers answer on the standalone stream.
        return match sent.has_stream {
            true => Ok(StreamableHttpPostResponse::Accepted),
            false => Err(unreadable("accepted, but there is no way for an answer")),
        };
    }
    match kind {
        ContentKind::Events => {
            let events = events(response, limits.max_sse_event_size, Some(request.clone()));
            Ok(StreamableHttpPostResponse::Sse(events, None))
        }
        ContentKind::Json => {
            let body = body(response, limits.max_json_response_size).await?;
            let message = parse(&body).ok_or_else(|| unreadable("the body is no message"))?;
            Ok(StreamableHttpPostResponse::Json(
                correlated(message, request),
                None,
            ))
        }
        ContentKind::Other => Err(unreadable("the content is neither json nor events")),
    }
}

/// Reads a response whose status says that the request failed.
async fn refused(
    response: reqwest::Response,
    kind: ContentKind,
    sent: &SentRequest,
    limits: StreamableHttpResponseLimits,
) -> Result<StreamableHttpPostResponse, HttpFault> {
    let status = response.status();
    let fault = match status {
        // What took POSTs when the session was opened takes none: another server stands there now.
        StatusCode::METHOD_NOT_ALLOWED if sent.in_session => HttpFault::session_gone(),
        _ => HttpFault::of_status(status, response.headers(), sent.in_session),
    };
    let says_nothing_more = matches!(
        fault.kind(),
        FaultKind::Unauthorized(_) | FaultKind::Forbidden(_) | FaultKind::RateLimited { .. }
    );
    let Some(request) = &sent.request else {
        return Err(fault);
    };
    if says_nothing_more || *fault.kind() == FaultKind::SessionGone {
        return Err(fault);
    }
    let error = match kind {
        ContentKind::Json => error_in(response, limits).await,
        ContentKind::Events | ContentKind::Other => None,
    };
    if is_of_another_era(sent, status, error.as_ref()) {
        let what = "the server is of another era than it was";
        return Err(HttpFault::new(
            Outcome::NotExecuted,
            FaultKind::SessionGone,
            what,
        ));
    }
    let Some(error) = error else {
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
    match sent.in_session && status == StatusCode::BAD_REQUEST {
        true => Err(HttpFault::session_gone()),
        false => Ok(StreamableHttpPostResponse::Json(
            correlated(ServerJsonRpcMessage::Error(error), request),
            None,
        )),
    }
}

/// Whether a refusal shows that the server has changed its era: it refuses what every server of the
/// era that it was taken for understands. It has not looked at the request then.
///
/// A server without sessions says of an older revision that it does not support it, or that headers
/// are missing; one with sessions misses its session, in words that are no answer to the request
/// (revision 2026-07-28, versioning and transports).
fn is_of_another_era(sent: &SentRequest, status: StatusCode, error: Option<&JsonRpcError>) -> bool {
    let code = error.map(|error| error.error.code);
    let is_answer = error.is_some_and(|error| error.id == sent.request);
    match sent.era {
        Some(Era::Legacy) => {
            status == StatusCode::BAD_REQUEST
                && matches!(
                    code,
                    Some(ErrorCode::UNSUPPORTED_PROTOCOL_VERSION | ErrorCode::HEADER_MISMATCH)
                )
        }
        Some(Era::Stateless) => match status {
            StatusCode::BAD_REQUEST if code == Some(ErrorCode::UNSUPPORTED_PROTOCOL_VERSION) => {
                true
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                !is_answer && !code.is_some_and(is_known_refusal)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether only servers of revision 2026-07-28 and later refuse requests by this code, other than
/// for their revision.
fn is_known_refusal(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::HEADER_MISMATCH | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
    )
}

/// The JSON-RPC error in a body, if there is one.
async fn error_in(
    response: reqwest::Response,
    limits: StreamableHttpResponseLimits,
) -> Option<JsonRpcError> {
    let body = body(response, limits.max_json_response_size).await.ok()?;
    match parse(&body)? {
        ServerJsonRpcMessage::Error(error) => Some(error),
        _ => None,
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

fn unreadable(what: &'static str) -> HttpFault {
    HttpFault::harmless(Outcome::Unknown, FaultKind::Protocol, what)
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn response(status: u16, content: &str, text: impl Into<String>) -> reqwest::Response {
        let response = http::Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, content)
            .body(text.into())
            .unwrap();
        response.into()
    }

    fn sent(in_session: bool) -> SentRequest {
        SentRequest {
            request: Some(RequestId::Number(3)),
            era: in_session.then_some(Era::Legacy),
            in_session,
            has_stream: false,
        }
    }

    async fn read(
        response: reqwest::Response,
        sent: &SentRequest,
    ) -> Result<StreamableHttpPostResponse, HttpFault> {
        decode(response, sent, StreamableHttpResponseLimits::default()).await
    }

    const NAMELESS: &str = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"x"},"id":null}"#;

    #[tokio::test]
    async fn a_nameless_400_in_a_session_means_that_the_session_is_gone() {
        let fault = read(response(400, "application/json", NAMELESS), &sent(true))
            .await
            .unwrap_err();
        assert_eq!(fault.kind(), &FaultKind::SessionGone);
        assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
    }

    #[tokio::test]
    async fn a_405_in_a_session_means_that_another_server_stands_there() {
        for (in_session, kind) in [(true, FaultKind::SessionGone), (false, FaultKind::Protocol)] {
            let fault = read(response(405, "text/plain", ""), &sent(in_session)).await;
            let fault = fault.unwrap_err();
            assert_eq!(fault.kind(), &kind);
            assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
        }
    }

    #[tokio::test]
    async fn a_nameless_error_outside_of_a_session_is_the_answer() {
        for status in [200, 400, 500] {
            let answer = read(response(status, "application/json", NAMELESS), &sent(false)).await;
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
            let answer = read(response(status, "application/json", named), &sent(false)).await;
            assert!(
                matches!(answer, Ok(StreamableHttpPostResponse::Json(..))),
                "{status}"
            );
        }
    }

    #[tokio::test]
    async fn a_server_that_refuses_what_its_era_knows_is_of_another_one() {
        let named = |code: i32| {
            format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"x"}},"id":3}}"#)
        };
        let legacy = sent(true);
        let stateless = SentRequest {
            era: Some(Era::Stateless),
            ..sent(false)
        };
        let unsaid = SentRequest {
            era: None,
            ..sent(false)
        };
        let nameless = || NAMELESS.to_owned();
        for (status, text, sent, is_proof) in [
            (400, named(-32022), &legacy, true),
            (400, named(-32020), &legacy, true),
            (400, named(-32602), &legacy, false),
            (200, named(-32022), &legacy, false),
            (400, named(-32022), &stateless, true),
            (400, nameless(), &stateless, true),
            (404, "no such page".to_owned(), &stateless, true),
            (405, String::new(), &stateless, true),
            (404, named(-32601), &stateless, false),
            (400, named(-32020), &stateless, false),
            (400, named(-32602), &stateless, false),
            (403, String::new(), &stateless, false),
            (500, nameless(), &stateless, false),
            (400, nameless(), &unsaid, false),
        ] {
            let what = format!("{status} {text} {:?}", sent.era);
            let kind = match text.starts_with('{') {
                true => "application/json",
                false => "text/plain",
            };
            let fault = read(response(status, kind, text), sent).await.err();
            let is_gone = fault.is_some_and(|fault| {
                fault.failure().is_repeatable_elsewhere() && !fault.failure().is_session_usable()
            });
            assert_eq!(is_gone, is_proof, "{what}");
        }
    }

    #[tokio::test]
    async fn a_refused_credential_is_never_taken_for_an_answer() {
        let named = r#"{"jsonrpc":"2.0","error":{"code":1,"message":"x"},"id":3}"#;
        let fault = read(response(401, "application/json", named), &sent(true))
            .await
            .unwrap_err();
        assert!(matches!(fault.kind(), FaultKind::Unauthorized(_)));
        assert!(fault.failure().is_session_usable());
    }

    #[tokio::test]
    async fn an_answer_that_cannot_come_is_an_error_at_once() {
        let fault = read(response(202, "text/plain", ""), &sent(true)).await;
        assert_eq!(fault.unwrap_err().failure().outcome(), Outcome::Unknown);
    }
}
