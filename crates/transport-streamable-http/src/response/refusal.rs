//! Responses with a status of failure.

use http::StatusCode;
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{Answer, Era, IncomingKind, read_messages},
};
use mcp_pool_http::{HttpFault, body};
use rmcp::model::{ErrorCode, ErrorData};

use super::sent::SentRequest;

/// Reads the response with a status of failure: an error of the server that answers the request,
/// or a fault.
pub(crate) async fn read_refusal(
    response: reqwest::Response,
    sent: &SentRequest<'_>,
    max_body: usize,
) -> Result<Answer, HttpFault> {
    let status = response.status();
    let fault = match status {
        // The server of the session took POSTs, so another server answers here now.
        StatusCode::METHOD_NOT_ALLOWED if sent.in_session => HttpFault::session_gone(),
        _ => HttpFault::of_status(status, response.headers(), sent.in_session),
    };
    if fault.is_decided_by_status() {
        return Err(fault);
    }
    let error = error_in(response, sent, max_body).await;
    if is_of_another_era(sent, status, error.as_ref()) {
        let what = "the server has changed its era";
        let kind = FaultKind::SessionGone;
        return Err(HttpFault::new(Outcome::NotExecuted, kind, what));
    }
    let Some(error) = error else {
        return Err(fault);
    };
    // A server that returns an error without an id has not read the request. With 400 inside a
    // session, several servers report an unknown session like this.
    match !error.is_answer && sent.in_session && status == StatusCode::BAD_REQUEST {
        true => Err(HttpFault::session_gone()),
        false => Ok(Answer::from_error(error.data)),
    }
}

/// The JSON-RPC error in a body.
struct BodyError {
    data: ErrorData,
    /// Whether it names the request.
    is_answer: bool,
}

/// Whether a rejection proves that the server has changed its era.
///
/// Proof is a rejection of what every server of the supposed era understands. The server has not
/// executed the request then. A stateless server rejects an older revision as unsupported, or for
/// missing headers. A legacy server misses its session, in an error that does not answer the
/// request (revision 2026-07-28, versioning; transports).
fn is_of_another_era(
    sent: &SentRequest<'_>,
    status: StatusCode,
    error: Option<&BodyError>,
) -> bool {
    let code = error.map(|error| error.data.code);
    let is_answer = error.is_some_and(|error| error.is_answer);
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

/// Reads the body and returns its JSON-RPC error, if it is one that may answer the request.
async fn error_in(
    response: reqwest::Response,
    sent: &SentRequest<'_>,
    max_body: usize,
) -> Option<BodyError> {
    let body = body(response, max_body).await.ok()?;
    let messages = read_messages(&body)?;
    let mut errors = messages.iter().filter(|message| {
        message.kind() == IncomingKind::Error && (!message.has_id() || message.is_for(sent.id))
    });
    let error = errors.next()?;
    Some(BodyError {
        data: error.error()?,
        is_answer: error.is_for(sent.id),
    })
}

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

    #[tokio::test]
    async fn a_400_with_an_error_without_id_in_a_session_is_a_lost_session() {
        let fault = read(response(400, WITHOUT_ID), LEGACY, true).await;
        let fault = fault.unwrap_err();
        assert_eq!(fault.kind(), &FaultKind::SessionGone);
        assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
    }

    #[tokio::test]
    async fn a_405_in_a_session_is_a_lost_session() {
        for (in_session, kind) in [(true, FaultKind::SessionGone), (false, FaultKind::Protocol)] {
            let fault = read(response(405, ""), None, in_session).await.unwrap_err();
            assert_eq!(fault.kind(), &kind);
            assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
        }
    }

    #[tokio::test]
    async fn an_error_without_id_outside_of_a_session_is_the_answer() {
        for status in [400, 500] {
            let answer = read(response(status, WITHOUT_ID), None, false).await;
            let code = answer.unwrap().error().map(|error| error.code.0);
            assert_eq!(code, Some(-32000), "{status}");
        }
    }

    #[tokio::test]
    async fn an_error_with_the_id_of_the_request_is_its_answer_for_any_status() {
        for status in [400, 404, 500] {
            let answer = read(response(status, named(-32601)), None, false).await;
            assert!(answer.is_ok(), "{status}");
        }
    }

    #[tokio::test]
    async fn a_rejection_of_what_its_era_understands_proves_another_era() {
        let without_id = || WITHOUT_ID.to_owned();
        for (status, text, era, is_proof) in [
            (400, named(-32022), LEGACY, true),
            (400, named(-32020), LEGACY, true),
            (400, named(-32602), LEGACY, false),
            (400, named(-32022), STATELESS, true),
            (400, without_id(), STATELESS, true),
            (404, "no such page".to_owned(), STATELESS, true),
            (405, String::new(), STATELESS, true),
            (404, named(-32601), STATELESS, false),
            (400, named(-32020), STATELESS, false),
            (400, named(-32602), STATELESS, false),
            (403, String::new(), STATELESS, false),
            (500, without_id(), STATELESS, false),
            (400, without_id(), None, false),
        ] {
            let what = format!("{status} {text} {era:?}");
            let fault = read(response(status, text), era, era == LEGACY).await.err();
            let is_gone = fault.is_some_and(|fault| {
                fault.failure().is_repeatable_elsewhere() && !fault.failure().is_session_usable()
            });
            assert_eq!(is_gone, is_proof, "{what}");
        }
    }

    #[tokio::test]
    async fn a_rejected_credential_is_never_an_answer() {
        let fault = read(response(401, named(1)), LEGACY, true)
            .await
            .unwrap_err();
        assert!(matches!(fault.kind(), FaultKind::Unauthorized(_)));
        assert!(fault.failure().is_session_usable());
    }
}
