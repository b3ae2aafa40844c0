//! Responses with a status of failure.

use std::time::Duration;

use http::StatusCode;
use mcp_pool_core::{
    error::{FaultKind, Outcome, SessionCondition},
    extend::{Answer, Era, IncomingKind, read_messages},
};
use mcp_pool_http::{HttpFault, Refusal, RefusalBody, body};
use rmcp::model::{ErrorCode, ErrorData};
use tokio::time::timeout;

use super::sent::SentRequest;

/// Reads the response with a status of failure: an error of the server that answers the request,
/// or a fault.
pub(crate) async fn read_refusal(
    mut response: reqwest::Response,
    sent: &SentRequest<'_>,
    max_body: usize,
) -> Result<Answer, HttpFault> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let text = body(response, max_body).await.unwrap_or_default();
    let error = error_in(&text, sent);
    if is_of_another_era(sent, status, error.as_ref()) {
        let what = "the server has changed its era";
        let kind = FaultKind::SessionGone;
        return Err(HttpFault::new(Outcome::NotExecuted, kind, what));
    }
    let refusal = Refusal {
        status,
        headers: &headers,
        body: match &error {
            Some(error) => RefusalBody::of(error.data.message.as_bytes()),
            None => RefusalBody::of(&text),
        },
        in_session: sent.in_session,
    };
    let fault = refusal.fault();
    match error {
        Some(error) if is_answer(&error, &fault, sent) => Ok(error.into_answer(&fault, sent)),
        _ => Err(fault),
    }
}

/// The fault of a refused request that has no answer: a notification, or a GET.
pub(crate) async fn refusal_of(mut response: reqwest::Response, in_session: bool) -> HttpFault {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let text = timeout(READ_TIMEOUT, body(response, MAX_READ)).await;
    let text = text.ok().and_then(Result::ok).unwrap_or_default();
    let body = RefusalBody::of(&text);
    let refusal = Refusal {
        status,
        headers: &headers,
        body,
        in_session,
    };
    refusal.fault()
}

/// Whether an error in a refusal is the server's answer to the request.
///
/// It is with the id of the request, unless the response has a challenge, which the caller needs. An
/// error without an id is one where the status does not tell more.
fn is_answer(error: &BodyError, fault: &HttpFault, sent: &SentRequest<'_>) -> bool {
    let is_decided = matches!(
        fault.kind(),
        FaultKind::Forbidden(_) | FaultKind::RateLimited { .. } | FaultKind::Unauthorized(_)
    );
    if !error.is_answer || sent.era.is_none() {
        return !is_decided && *fault.kind() != FaultKind::SessionGone;
    }
    !fault.has_challenge()
}

/// The JSON-RPC error in a body.
struct BodyError {
    data: ErrorData,
    /// Whether it names the request.
    is_answer: bool,
}

impl BodyError {
    /// The error as an answer. Where it names no request, the server may have refused the session.
    fn into_answer(self, fault: &HttpFault, sent: &SentRequest<'_>) -> Answer {
        let may_be_lost = fault.failure().session() == SessionCondition::Refused;
        match !self.is_answer && sent.era.is_some() && may_be_lost {
            true => Answer::from_refusal(self.data),
            false => Answer::from_error(self.data),
        }
    }
}

/// Whether a rejection proves that the server has changed its era.
///
/// Proof is an error that only servers of another era return: of an older revision as unsupported, or
/// of missing headers (revision 2026-07-28, versioning; transports). The server has not executed the
/// request then. Any other rejection needs a check.
fn is_of_another_era(
    sent: &SentRequest<'_>,
    status: StatusCode,
    error: Option<&BodyError>,
) -> bool {
    let Some(code) = error.map(|error| error.data.code) else {
        return false;
    };
    let is_unsupported = code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION;
    status == StatusCode::BAD_REQUEST
        && match sent.era {
            Some(Era::Legacy) => is_unsupported || code == ErrorCode::HEADER_MISMATCH,
            Some(Era::Stateless) => is_unsupported,
            _ => false,
        }
}

/// The JSON-RPC error in a body, if it is one that may answer the request.
fn error_in(body: &[u8], sent: &SentRequest<'_>) -> Option<BodyError> {
    let messages = read_messages(body)?;
    let mut errors = messages.iter().filter(|message| {
        message.kind() == IncomingKind::Error && (!message.has_id() || message.is_for(sent.id))
    });
    let error = errors.next()?;
    Some(BodyError {
        data: error.error()?,
        is_answer: error.is_for(sent.id),
    })
}

/// Bytes that are read of a refusal whose text is not shown.
const MAX_READ: usize = 64 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use mcp_pool_core::extend::ResultKind;
    use rmcp::model::{ClientRequest, PingRequest, RequestId};

    use super::*;

    const WITHOUT_ID: &str = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"x"},"id":null}"#;

    fn response(status: u16, text: impl Into<String>) -> reqwest::Response {
        let response = http::Response::builder().status(status).body(text.into());
        response.unwrap().into()
    }

    fn named(code: i32) -> String {
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"x"}},"id":"a-3"}}"#)
    }

    async fn read(
        response: reqwest::Response,
        era: Option<Era>,
        in_session: bool,
    ) -> Result<Answer, HttpFault> {
        let id = RequestId::String("a-3".into());
        let sent = SentRequest {
            id: &id,
            kind: ResultKind::of(&ClientRequest::PingRequest(PingRequest::default())),
            era,
            in_session,
            introduces: false,
        };
        read_refusal(response, &sent, 1_000).await
    }

    const LEGACY: Option<Era> = Some(Era::Legacy);
    const STATELESS: Option<Era> = Some(Era::Stateless);

    const LOST: &str =
        r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#;

    /// What is read: `answer`, `refusal`, or the kind, outcome and session of a fault.
    fn shown(read: Result<Answer, HttpFault>) -> String {
        match read {
            Ok(answer) => match format!("{answer:?}").contains("Refusal") {
                true => "refusal".to_owned(),
                false => "answer".to_owned(),
            },
            Err(fault) => {
                let failure = fault.failure();
                let (outcome, session) = (failure.outcome().as_str(), failure.session());
                format!("{} {outcome} {session:?}", failure.kind().label())
            }
        }
    }

    const NAMED_020: &str = r#"{"error":{"code":-32020,"message":"x"},"id":"a-3"}"#;
    const NAMED_022: &str = r#"{"error":{"code":-32022,"message":"x"},"id":"a-3"}"#;
    const NAMED_601: &str = r#"{"error":{"code":-32601,"message":"x"},"id":"a-3"}"#;
    const NAMED_602: &str = r#"{"error":{"code":-32602,"message":"x"},"id":"a-3"}"#;

    /// Era, whether the request names a session, status, body, and what is read.
    type Row = (Option<Era>, bool, u16, &'static str, &'static str);

    const ROWS: &[Row] = &[
        (LEGACY, true, 404, LOST, "session_gone not_executed Gone"),
        (
            LEGACY,
            true,
            404,
            "Session not found",
            "session_gone not_executed Gone",
        ),
        (
            LEGACY,
            true,
            404,
            "no such page",
            "not_found unknown Refused",
        ),
        (LEGACY, true, 404, "", "not_found unknown Refused"),
        (LEGACY, true, 404, NAMED_601, "answer"),
        (LEGACY, true, 400, WITHOUT_ID, "refusal"),
        (LEGACY, true, 400, LOST, "refusal"),
        (LEGACY, true, 400, NAMED_601, "answer"),
        (
            LEGACY,
            true,
            400,
            "Bad Request: No valid session ID",
            "protocol unknown Refused",
        ),
        (LEGACY, true, 405, "", "protocol unknown Refused"),
        (LEGACY, true, 401, NAMED_601, "answer"),
        (LEGACY, true, 429, NAMED_601, "answer"),
        (LEGACY, true, 429, WITHOUT_ID, "rate_limited unknown Fine"),
        (
            LEGACY,
            true,
            401,
            "Session not found",
            "unauthorized unknown Refused",
        ),
        (LEGACY, true, 500, WITHOUT_ID, "answer"),
        (LEGACY, true, 503, "", "server_error unknown Suspect"),
        (
            LEGACY,
            false,
            404,
            "no such page",
            "not_found unknown Refused",
        ),
        (
            LEGACY,
            true,
            400,
            NAMED_022,
            "session_gone not_executed Gone",
        ),
        (
            LEGACY,
            true,
            400,
            NAMED_020,
            "session_gone not_executed Gone",
        ),
        (LEGACY, true, 400, NAMED_602, "answer"),
        (
            STATELESS,
            false,
            400,
            NAMED_022,
            "session_gone not_executed Gone",
        ),
        (STATELESS, false, 400, NAMED_020, "answer"),
        (STATELESS, false, 400, WITHOUT_ID, "refusal"),
        (
            STATELESS,
            false,
            404,
            "no such page",
            "not_found unknown Refused",
        ),
        (STATELESS, false, 405, "", "protocol unknown Refused"),
        (STATELESS, false, 404, NAMED_601, "answer"),
        (STATELESS, false, 403, "", "forbidden unknown Suspect"),
        (None, false, 400, WITHOUT_ID, "answer"),
        (None, false, 401, NAMED_601, "unauthorized unknown Suspect"),
        (None, false, 404, NAMED_601, "answer"),
    ];

    #[tokio::test]
    async fn a_refusal_is_read_by_its_status_body_and_era() {
        for (era, in_session, status, text, expected) in ROWS {
            let what = format!("{status} {text} {era:?}");
            let read = read(response(*status, *text), *era, *in_session).await;
            assert_eq!(shown(read), *expected, "{what}");
        }
    }

    #[tokio::test]
    async fn a_challenge_is_never_hidden_by_an_answer() {
        let response = http::Response::builder()
            .status(401)
            .header("www-authenticate", "Bearer")
            .body(named(1));
        let fault = read(response.unwrap().into(), LEGACY, true).await;
        let fault = fault.unwrap_err();
        assert!(matches!(fault.kind(), FaultKind::Unauthorized(_)));
        assert!(fault.failure().is_session_usable());
    }
}
