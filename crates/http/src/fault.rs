//! What went wrong with one HTTP exchange.

use std::{error::Error, fmt, io, sync::Arc};

use http::{HeaderMap, StatusCode};
use mcp_pool_core::error::{CallFailure, ConnectError, FaultKind, Outcome};

/// What went wrong with one HTTP exchange. Shows no URL, no header and no body.
#[derive(Clone, Debug)]
pub struct HttpFault {
    failure: CallFailure,
    what: &'static str,
    source: Option<Arc<reqwest::Error>>,
}

impl HttpFault {
    /// A fault after which the session is not to be used again.
    #[must_use]
    pub fn new(outcome: Outcome, kind: FaultKind, what: &'static str) -> Self {
        Self {
            failure: CallFailure::new(outcome, kind),
            what,
            source: None,
        }
    }

    /// A fault that leaves the session as good as it was.
    #[must_use]
    pub fn harmless(outcome: Outcome, kind: FaultKind, what: &'static str) -> Self {
        Self {
            failure: CallFailure::new(outcome, kind).with_usable_session(),
            what,
            source: None,
        }
    }

    /// The server does not know the session; it did nothing.
    #[must_use]
    pub fn session_gone() -> Self {
        let what = "the server does not know the session";
        Self::new(Outcome::NotExecuted, FaultKind::SessionGone, what)
    }

    /// The request got no response.
    #[must_use]
    pub fn of_send(error: reqwest::Error) -> Self {
        let (outcome, kind, what) = if error.is_builder() {
            (Outcome::NotExecuted, FaultKind::Other, "request not built")
        } else if error.is_connect() {
            let kind = match error.is_timeout() {
                true => FaultKind::Timeout,
                false if is_tls(&error) => FaultKind::Tls,
                false => FaultKind::Unreachable,
            };
            (Outcome::NotExecuted, kind, "no connection")
        } else if error.is_timeout() {
            (Outcome::Unknown, FaultKind::Timeout, "no response in time")
        } else {
            (Outcome::Unknown, FaultKind::Unreachable, "no response")
        };
        Self::new(outcome, kind, what).with_source(error)
    }

    /// The response broke off.
    #[must_use]
    pub fn of_body(error: reqwest::Error) -> Self {
        let what = "the response broke off";
        Self::new(Outcome::Unknown, FaultKind::Unreachable, what).with_source(error)
    }

    /// The response has a status that says the request failed.
    #[must_use]
    pub fn of_status(status: StatusCode, headers: &HeaderMap, in_session: bool) -> Self {
        if status == StatusCode::NOT_FOUND && in_session {
            return Self::session_gone();
        }
        let kind = FaultKind::from_status(status, headers);
        Self::harmless(outcome_of(status), kind, "refused by its status")
    }

    /// What a call makes of it.
    #[must_use]
    pub fn failure(&self) -> &CallFailure {
        &self.failure
    }

    /// What went wrong, in the pool's words.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        self.failure.kind()
    }

    fn with_source(mut self, error: reqwest::Error) -> Self {
        self.source = Some(Arc::new(error.without_url()));
        self
    }
}

impl From<HttpFault> for ConnectError {
    fn from(fault: HttpFault) -> Self {
        Self::new(fault.kind().clone()).with_source(fault)
    }
}

impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.failure, self.what)
    }
}

impl Error for HttpFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

/// What a failing status says of the request's effect.
///
/// Redirects are never followed; the client errors listed are those that a server gives before it
/// looks at what it is asked to do (RFC 9110 section 15.5, MCP's transport and authorization).
fn outcome_of(status: StatusCode) -> Outcome {
    match status.as_u16() {
        300..=399 | 400..=407 | 411..=415 | 417 | 421 | 426 | 428 | 429 | 431 => {
            Outcome::NotExecuted
        }
        _ => Outcome::Unknown,
    }
}

/// Whether a connection was made and the TLS handshake on it failed.
///
/// The TLS libraries report through `io::Error`; a plain socket never gives this kind.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.downcast_ref().is_some_and(is_invalid_data) {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Whether the error is of this kind, or wraps one that is: `source` of an `io::Error` passes over
/// the error that it wraps.
fn is_invalid_data(error: &io::Error) -> bool {
    let wrapped = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == io::ErrorKind::InvalidData || wrapped.is_some_and(is_invalid_data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, in_session: bool) -> HttpFault {
        let status = StatusCode::from_u16(status).unwrap();
        HttpFault::of_status(status, &HeaderMap::new(), in_session)
    }

    #[test]
    fn a_404_means_a_lost_session_only_where_there_was_one() {
        assert_eq!(fault(404, true).kind(), &FaultKind::SessionGone);
        assert!(!fault(404, true).failure().is_session_usable());
        assert_eq!(fault(404, false).kind(), &FaultKind::NotFound);
    }

    #[test]
    fn what_a_server_may_have_begun_has_an_unknown_outcome() {
        for status in [408, 409, 410, 500, 502, 503, 504] {
            assert_eq!(
                fault(status, true).failure().outcome(),
                Outcome::Unknown,
                "{status}"
            );
        }
        for status in [307, 400, 401, 403, 405, 413, 415, 429] {
            assert_eq!(
                fault(status, true).failure().outcome(),
                Outcome::NotExecuted,
                "{status}"
            );
        }
    }
}
