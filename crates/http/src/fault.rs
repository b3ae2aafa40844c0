//! Faults of one HTTP exchange.

use std::{error::Error, fmt, io, sync::Arc};

use http::{HeaderMap, StatusCode};
use mcp_pool_core::error::{CallFailure, ConnectError, FaultKind, Outcome};

/// A fault of one HTTP exchange.
///
/// `Display` and `Debug` show no URL, header or body.
#[derive(Clone, Debug)]
pub struct HttpFault {
    failure: CallFailure,
    what: &'static str,
    source: Option<Arc<reqwest::Error>>,
}

impl HttpFault {
    /// A fault that makes the session unusable.
    #[must_use]
    pub fn new(outcome: Outcome, kind: FaultKind, what: &'static str) -> Self {
        Self {
            failure: CallFailure::new(outcome, kind),
            what,
            source: None,
        }
    }

    /// A fault that leaves the session usable.
    #[must_use]
    pub fn harmless(outcome: Outcome, kind: FaultKind, what: &'static str) -> Self {
        Self {
            failure: CallFailure::new(outcome, kind).with_usable_session(),
            what,
            source: None,
        }
    }

    /// The server does not know the session. It did not execute the request.
    #[must_use]
    pub fn session_gone() -> Self {
        let what = "the server does not know the session";
        Self::new(Outcome::NotExecuted, FaultKind::SessionGone, what)
    }

    /// No response came. A failed connect proves "not executed", and so does a server of HTTP/2 that
    /// reports the request as not processed.
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
        } else if is_unprocessed(&error) {
            let what = "the server did not process the request";
            (Outcome::NotExecuted, FaultKind::Unreachable, what)
        } else if error.is_timeout() {
            (Outcome::Unknown, FaultKind::Timeout, "no response in time")
        } else {
            (Outcome::Unknown, FaultKind::Unreachable, "no response")
        };
        Self::new(outcome, kind, what).with_source(error)
    }

    /// The response broke off. The server may have executed the request.
    #[must_use]
    pub fn of_body(error: reqwest::Error) -> Self {
        let what = "the response broke off";
        Self::new(Outcome::Unknown, FaultKind::Unreachable, what).with_source(error)
    }

    /// The response has a status of failure.
    ///
    /// With `in_session`, 404 means that the server does not know the session.
    #[must_use]
    pub fn of_status(status: StatusCode, headers: &HeaderMap, in_session: bool) -> Self {
        if status == StatusCode::NOT_FOUND && in_session {
            return Self::session_gone();
        }
        let kind = FaultKind::from_status(status, headers);
        Self::harmless(outcome_of(status), kind, "refused by status")
    }

    /// The fault as a call reports it.
    #[must_use]
    pub fn failure(&self) -> &CallFailure {
        &self.failure
    }

    /// The kind of the fault.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        self.failure.kind()
    }

    /// True when the status alone decides what the fault is, with any body: a refused credential, a
    /// rate limit, a lost session.
    #[must_use]
    pub fn is_decided_by_status(&self) -> bool {
        matches!(
            self.kind(),
            FaultKind::Forbidden(_)
                | FaultKind::RateLimited { .. }
                | FaultKind::SessionGone
                | FaultKind::Unauthorized(_)
        )
    }

    /// The error of a `GOAWAY` is left out, since it shows the text that the server sent with it.
    fn with_source(mut self, error: reqwest::Error) -> Self {
        let is_go_away = |error: &h2::Error| error.is_go_away();
        if causes(&error).any(|cause| cause.downcast_ref().is_some_and(is_go_away)) {
            return self;
        }
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

/// Whether a server that returns this status may have executed the request.
///
/// The client follows no redirect. The client errors listed are those that a server returns before
/// it processes a request (RFC 9110 section 15.5; MCP, transports and authorization).
fn outcome_of(status: StatusCode) -> Outcome {
    match status.as_u16() {
        300..=399 | 400..=407 | 411..=415 | 417 | 421 | 426 | 428 | 429 | 431 => {
            Outcome::NotExecuted
        }
        _ => Outcome::Unknown,
    }
}

/// Whether a server of HTTP/2 reports that it did not process the request: the stream was refused, or
/// is above the last one of a `GOAWAY` (RFC 9113 sections 6.8 and 8.7).
///
/// h2 gives the error of a `GOAWAY` to no other stream.
fn is_unprocessed(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        cause.downcast_ref().is_some_and(|error: &h2::Error| {
            let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            error.is_remote() && (error.is_go_away() || is_refused)
        })
    })
}

/// Whether the TCP connection was made and the TLS handshake on it failed.
///
/// TLS libraries report a failed handshake as `io::Error` of kind `InvalidData`; a plain socket
/// never returns that kind.
fn is_tls(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.downcast_ref().is_some_and(is_invalid_data))
}

/// The causes of an error, the nearest first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// Whether the error, or one that it wraps, is of kind `InvalidData`.
///
/// `source` of an `io::Error` skips the wrapped error itself, so `get_ref` is checked too.
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
    fn a_404_means_a_lost_session_only_inside_a_session() {
        assert_eq!(fault(404, true).kind(), &FaultKind::SessionGone);
        assert!(!fault(404, true).failure().is_session_usable());
        assert_eq!(fault(404, false).kind(), &FaultKind::NotFound);
    }

    #[test]
    fn a_body_cannot_overrule_a_refused_credential_a_rate_limit_or_a_lost_session() {
        for status in [401, 403, 429, 404] {
            assert!(fault(status, true).is_decided_by_status(), "{status}");
        }
        for status in [400, 405, 422, 500, 503] {
            assert!(!fault(status, true).is_decided_by_status(), "{status}");
        }
        assert!(!fault(404, false).is_decided_by_status());
    }

    #[test]
    fn a_status_returned_after_processing_began_has_an_unknown_outcome() {
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
