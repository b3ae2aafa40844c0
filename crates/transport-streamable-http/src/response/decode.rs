//! Decoding of the response to a POST.

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

/// The facts of a sent message that its answer depends on.
pub(crate) struct SentRequest {
    /// The id of a request; `None` for a message that has no answer.
    pub(crate) request: Option<RequestId>,
    /// The supposed era of the server; `None` during the handshake.
    pub(crate) era: Option<Era>,
    /// Whether the message named a session.
    pub(crate) in_session: bool,
    /// Whether the answer can come on the standalone stream.
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
        // A notification has no answer. Reading the body lets reqwest reuse the connection.
        let _ = body(response, limits.max_json_response_size).await;
        return Ok(StreamableHttpPostResponse::Accepted);
    };
    if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
        // Some servers send the answer on the standalone stream.
        return match sent.has_stream {
            true => Ok(StreamableHttpPostResponse::Accepted),
            false => Err(unreadable("accepted, but no stream is open for the answer")),
        };
    }
    match kind {
        ContentKind::Events => {
            let events = events(response, limits.max_sse_event_size, Some(request.clone()));
            Ok(StreamableHttpPostResponse::Sse(events, None))
        }
        ContentKind::Json => {
            let body = body(response, limits.max_json_response_size).await?;
            let message =
                parse(&body).ok_or_else(|| unreadable("the body is no JSON-RPC message"))?;
            Ok(StreamableHttpPostResponse::Json(
                correlated(message, request),
                None,
            ))
        }
        ContentKind::Other => Err(unreadable("the content type is neither json nor events")),
    }
}

/// Reads a response with a status of failure.
async fn refused(
    response: reqwest::Response,
    kind: ContentKind,
    sent: &SentRequest,
    limits: StreamableHttpResponseLimits,
) -> Result<StreamableHttpPostResponse, HttpFault> {
    let status = response.status();
    let fault = match status {
        // The server of the session took POSTs, so another server answers here now.
        StatusCode::METHOD_NOT_ALLOWED if sent.in_session => HttpFault::session_gone(),
        _ => HttpFault::of_status(status, response.headers(), sent.in_session),
    };
    let is_final = matches!(
        fault.kind(),
        FaultKind::Credentials(_)
            | FaultKind::Unauthorized(_)
            | FaultKind::Forbidden(_)
            | FaultKind::RateLimited { .. }
    );
    let Some(request) = &sent.request else {
        return Err(fault);
    };
    if is_final || *fault.kind() == FaultKind::SessionGone {
        return Err(fault);
    }
    let error = match kind {
        ContentKind::Json => error_in(response, limits).await,
        ContentKind::Events | ContentKind::Other => None,
    };
    if is_of_another_era(sent, status, error.as_ref()) {
        let what = "the server has changed its era";
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
    // A server that returns an error without an id has not read the request. With 400 inside a
    // session, several servers report an unknown session like this.
    match sent.in_session && status == StatusCode::BAD_REQUEST {
        true => Err(HttpFault::session_gone()),
        false => Ok(StreamableHttpPostResponse::Json(
            correlated(ServerJsonRpcMessage::Error(error), request),
            None,
        )),
    }
}

/// Whether a rejection proves that the server has changed its era.
///
/// Proof is a rejection of what every server of the supposed era understands. The server has not
/// executed the request then. A stateless server rejects an older revision as unsupported, or for
/// missing headers. A legacy server misses its session, in an error that does not answer the
/// request (revision 2026-07-28, versioning; transports).
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
                !is_answer && !code.is_some_and(is_stateless_rejection)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether only servers of revision 2026-07-28 and later return this code.
///
/// The code for an unsupported revision is not among them.
fn is_stateless_rejection(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::HEADER_MISMATCH | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
    )
}

/// Reads the body and returns its JSON-RPC error, if it is one.
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

/// Sets the request's id in an error without one.
///
/// Such an error can only be the answer to this request. rmcp would wait for ever for an answer
/// with the id.
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

    const WITHOUT_ID: &str = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"x"},"id":null}"#;

    #[tokio::test]
    async fn a_400_with_an_error_without_id_in_a_session_is_a_lost_session() {
        let fault = read(response(400, "application/json", WITHOUT_ID), &sent(true))
            .await
            .unwrap_err();
        assert_eq!(fault.kind(), &FaultKind::SessionGone);
        assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
    }

    #[tokio::test]
    async fn a_405_in_a_session_is_a_lost_session() {
        for (in_session, kind) in [(true, FaultKind::SessionGone), (false, FaultKind::Protocol)] {
            let fault = read(response(405, "text/plain", ""), &sent(in_session)).await;
            let fault = fault.unwrap_err();
            assert_eq!(fault.kind(), &kind);
            assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
        }
    }

    #[tokio::test]
    async fn an_error_without_id_outside_of_a_session_is_the_answer() {
        for status in [200, 400, 500] {
            let answer = read(
                response(status, "application/json", WITHOUT_ID),
                &sent(false),
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
    async fn an_error_with_the_id_of_the_request_is_its_answer_for_any_status() {
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
    async fn a_rejection_of_what_its_era_understands_proves_another_era() {
        let named = |code: i32| {
            format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"x"}},"id":3}}"#)
        };
        let legacy = sent(true);
        let stateless = SentRequest {
            era: Some(Era::Stateless),
            ..sent(false)
        };
        let unknown = SentRequest {
            era: None,
            ..sent(false)
        };
        let without_id = || WITHOUT_ID.to_owned();
        for (status, text, sent, is_proof) in [
            (400, named(-32022), &legacy, true),
            (400, named(-32020), &legacy, true),
            (400, named(-32602), &legacy, false),
            (200, named(-32022), &legacy, false),
            (400, named(-32022), &stateless, true),
            (400, without_id(), &stateless, true),
            (404, "no such page".to_owned(), &stateless, true),
            (405, String::new(), &stateless, true),
            (404, named(-32601), &stateless, false),
            (400, named(-32020), &stateless, false),
            (400, named(-32602), &stateless, false),
            (403, String::new(), &stateless, false),
            (500, without_id(), &stateless, false),
            (400, without_id(), &unknown, false),
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
    async fn a_rejected_credential_is_never_an_answer() {
        let named = r#"{"jsonrpc":"2.0","error":{"code":1,"message":"x"},"id":3}"#;
        let fault = read(response(401, "application/json", named), &sent(true))
            .await
            .unwrap_err();
        assert!(matches!(fault.kind(), FaultKind::Unauthorized(_)));
        assert!(fault.failure().is_session_usable());
    }

    #[tokio::test]
    async fn an_accepted_request_without_a_stream_for_its_answer_fails_at_once() {
        let fault = read(response(202, "text/plain", ""), &sent(true)).await;
        assert_eq!(fault.unwrap_err().failure().outcome(), Outcome::Unknown);
    }
}
