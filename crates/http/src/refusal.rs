//! Responses with a status of failure: what they show of the request, its session and the endpoint.

use http::{HeaderMap, StatusCode};
use mcp_pool_core::{
    error::{FaultKind, Outcome, SessionCondition, names_lost_session},
    extend::Answer,
    rmcp::model::ClientRequest,
};

use crate::fault::HttpFault;

/// What the body of a response with a status of failure holds.
///
/// A JSON-RPC answer with the id of the request is an answer, and no refusal, with any status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalBody {
    /// A report that the session is not known
    /// ([`names_lost_session`](mcp_pool_core::error::names_lost_session)).
    LostSession,
    /// Anything else, or nothing.
    Other,
}

impl RefusalBody {
    /// What a body holds. The words in it alone count, JSON or not.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        match names_lost_session(&String::from_utf8_lossy(body)) {
            true => Self::LostSession,
            false => Self::Other,
        }
    }
}

/// A response with a status of failure, and without a JSON-RPC answer.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: RefusalBody,
    /// Whether the request named a session.
    pub in_session: bool,
}

impl Refusal<'_> {
    /// What the response shows. Pure.
    ///
    /// | status | body | outcome | session |
    /// |---|---|---|---|
    /// | 404 to a request with a session id | names a lost session | not executed | gone |
    /// | any but 429 | names a lost session | as below | refused |
    /// | 400, 404, 405, 410 | other | unknown | refused |
    /// | 401 with a challenge | other | not executed | suspect |
    /// | 403 with `insufficient_scope` | other | not executed | fine |
    /// | 407, 411, 414, 421, 431 | other | not executed | fine |
    /// | 429 | any | unknown | fine |
    /// | 3xx | other | unknown | fine |
    /// | any other | other | unknown | suspect |
    ///
    /// "Refused" means that a check of the session decides.
    #[must_use]
    pub fn fault(&self) -> HttpFault {
        let is_lost = self.body == RefusalBody::LostSession;
        if is_lost && self.in_session && self.status == StatusCode::NOT_FOUND {
            return HttpFault::session_gone();
        }
        let kind = FaultKind::from_status(self.status, self.headers);
        let outcome = match is_proof(self.status, &kind) {
            true => Outcome::NotExecuted,
            false => Outcome::Unknown,
        };
        let session = self.session(&kind, is_lost);
        HttpFault::new(outcome, kind, "refused by status").with_session(session)
    }

    fn session(&self, kind: &FaultKind, is_lost: bool) -> SessionCondition {
        match self.status.as_u16() {
            429 => SessionCondition::Fine,
            _ if is_lost => SessionCondition::Refused,
            400 | 404 | 405 | 410 => SessionCondition::Refused,
            300..=399 | 407 | 411 | 414 | 421 | 431 => SessionCondition::Fine,
            403 if is_proof(self.status, kind) => SessionCondition::Fine,
            _ => SessionCondition::Suspect,
        }
    }
}

/// The answer to a request, or its fault, with what the request adds to it: a server that refuses even
/// the request which checks a session does not know the session.
///
/// # Errors
/// The fault, or [`HttpFault::session_gone`].
pub fn answer_to(
    request: &ClientRequest,
    result: Result<Answer, HttpFault>,
) -> Result<Answer, HttpFault> {
    let is_refused = match &result {
        Ok(answer) => answer.is_refusal(),
        Err(fault) => fault.failure().session() == SessionCondition::Refused,
    };
    match is_check(request) && is_refused {
        true => Err(HttpFault::session_gone()),
        false => result,
    }
}

/// True for the requests that check a session: `ping` and `server/discover`.
#[must_use]
pub fn is_check(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_)
    )
}

/// Whether the status proves that the server did not execute the request.
///
/// A challenge is given before a request is processed (RFC 9110 section 15.5.2, RFC 6750 section 3),
/// and the statuses listed are about the form of a request or its way (RFC 9110 section 15.5, RFC 6585
/// section 5). A server may give any other one after it began.
fn is_proof(status: StatusCode, kind: &FaultKind) -> bool {
    match (status.as_u16(), kind.challenge()) {
        (401, Some(challenge)) => challenge.www_authenticate().is_some(),
        (403, Some(challenge)) => challenge.is_insufficient_scope(),
        (407 | 411 | 414 | 421 | 431, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fault of a refusal inside a session: its kind, outcome and session.
    fn read(
        status: u16,
        challenge: &str,
        body: RefusalBody,
    ) -> (String, Outcome, SessionCondition) {
        let mut headers = HeaderMap::new();
        if !challenge.is_empty() {
            headers.insert(http::header::WWW_AUTHENTICATE, challenge.parse().unwrap());
        }
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body,
            in_session: true,
        };
        let fault = refusal.fault();
        let failure = fault.failure();
        let label = failure.kind().label().to_owned();
        (label, failure.outcome(), failure.session())
    }

    #[test]
    fn a_refusal_is_read_row_by_row() {
        use Outcome::{NotExecuted, Unknown};
        use RefusalBody::{LostSession, Other};
        use SessionCondition::{Fine, Gone, Refused, Suspect};
        const SCOPE: &str = r#"Bearer error="insufficient_scope", scope="files:read""#;
        for (status, challenge, body, label, outcome, session) in [
            (404, "", LostSession, "session_gone", NotExecuted, Gone),
            (404, "", Other, "not_found", Unknown, Refused),
            (400, "", LostSession, "protocol", Unknown, Refused),
            (400, "", Other, "protocol", Unknown, Refused),
            (405, "", Other, "protocol", Unknown, Refused),
            (410, "", Other, "protocol", Unknown, Refused),
            (401, "Bearer", Other, "unauthorized", NotExecuted, Suspect),
            (
                401,
                "Bearer",
                LostSession,
                "unauthorized",
                NotExecuted,
                Refused,
            ),
            (401, "", Other, "unauthorized", Unknown, Suspect),
            (401, "", LostSession, "unauthorized", Unknown, Refused),
            (403, SCOPE, Other, "forbidden", NotExecuted, Fine),
            (403, "Bearer", Other, "forbidden", Unknown, Suspect),
            (403, "", LostSession, "forbidden", Unknown, Refused),
            (407, "", Other, "protocol", NotExecuted, Fine),
            (409, "", Other, "protocol", Unknown, Suspect),
            (413, "", Other, "protocol", Unknown, Suspect),
            (421, "", Other, "protocol", NotExecuted, Fine),
            (422, "", LostSession, "protocol", Unknown, Refused),
            (429, "", LostSession, "rate_limited", Unknown, Fine),
            (431, "", Other, "protocol", NotExecuted, Fine),
            (500, "", Other, "server_error", Unknown, Suspect),
            (500, "", LostSession, "server_error", Unknown, Refused),
            (502, "", Other, "server_error", Unknown, Suspect),
        ] {
            let expected = (label.to_owned(), outcome, session);
            assert_eq!(read(status, challenge, body), expected, "{status} {body:?}");
        }
    }

    #[test]
    fn only_a_request_with_a_session_id_can_miss_its_session_for_sure() {
        let headers = HeaderMap::new();
        let refusal = Refusal {
            status: StatusCode::NOT_FOUND,
            headers: &headers,
            body: RefusalBody::LostSession,
            in_session: false,
        };
        let fault = refusal.fault();
        assert_eq!(fault.kind(), &FaultKind::NotFound);
        assert_eq!(fault.failure().session(), SessionCondition::Refused);
    }
}
