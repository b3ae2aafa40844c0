//! Faults of one HTTP exchange.

use std::{error::Error, fmt, io, sync::Arc};

use mcp_pool_core::{
    error::{
        CallFailure, ConnectError, CredentialError, Evidence, FaultKind, Outcome, SessionCondition,
    },
    extend::RefusedRevision,
};

use crate::http2;

/// A fault of one HTTP exchange.
///
/// `Display` and `Debug` show no URL, header or body.
#[derive(Clone, Debug)]
pub struct HttpFault {
    failure: CallFailure,
    what: &'static str,
    source: Option<Arc<reqwest::Error>>,
    refused_revision: Option<RefusedRevision>,
}

impl HttpFault {
    /// A fault that makes the session unusable.
    #[must_use]
    pub fn new(outcome: Outcome, kind: FaultKind, what: &'static str) -> Self {
        Self {
            failure: CallFailure::new(outcome, kind),
            what,
            source: None,
            refused_revision: None,
        }
    }

    /// A fault of which it is not known what it means for the session.
    #[must_use]
    pub fn suspect(outcome: Outcome, kind: FaultKind, what: &'static str) -> Self {
        Self::new(outcome, kind, what).with_session(SessionCondition::Suspect)
    }

    /// A fault that leaves the session usable.
    #[must_use]
    pub fn harmless(outcome: Outcome, kind: FaultKind, what: &'static str) -> Self {
        Self::new(outcome, kind, what).with_session(SessionCondition::Fine)
    }

    /// The server does not know the session. It did not execute the request.
    #[must_use]
    pub fn session_gone() -> Self {
        let what = "the server does not know the session";
        Self::new(Outcome::NotExecuted, FaultKind::SessionGone, what)
    }

    /// The credential source had no headers, for this reason. Nothing was sent.
    #[must_use]
    pub fn of_credentials(error: CredentialError) -> Self {
        let kind = FaultKind::Credentials(error);
        Self::harmless(Outcome::NotExecuted, kind, "no credentials")
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
        } else if causes(&error).any(http2::is_unprocessed) {
            let what = "the server did not process the request";
            let fault = Self::suspect(Outcome::NotExecuted, FaultKind::Unreachable, what);
            return fault.with_evidence(Evidence::Here).with_source(error);
        } else if is_no_http(&error) {
            let what = "the response is no http";
            (Outcome::Unknown, FaultKind::Protocol, what)
        } else if error.is_timeout() {
            (Outcome::Unknown, FaultKind::Timeout, "no response in time")
        } else {
            (Outcome::Unknown, FaultKind::Unreachable, "no response")
        };
        Self::suspect(outcome, kind, what).with_source(error)
    }

    /// The response broke off. The server may have executed the request.
    #[must_use]
    pub fn of_body(error: reqwest::Error) -> Self {
        Self::cut_off("the response broke off").with_source(error)
    }

    /// The answer is larger than `limit` bytes. The session is as good as before.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let what = "the answer is larger than the connector accepts";
        Self::harmless(Outcome::Unknown, FaultKind::TooLarge { limit }, what)
    }

    /// The server began to answer and did not end. The connection is lost, which a session outlives.
    #[must_use]
    pub fn cut_off(what: &'static str) -> Self {
        Self::suspect(Outcome::Unknown, FaultKind::Unreachable, what).with_evidence(Evidence::Here)
    }

    /// True where the connection was there, and no whole response came on it.
    #[must_use]
    pub fn is_dead_connection(&self) -> bool {
        self.failure.outcome() == Outcome::Unknown && *self.kind() == FaultKind::Unreachable
    }

    /// True where there was no connection, or none that could be trusted, so that no byte of the request
    /// reached a server.
    #[must_use]
    pub fn is_never_reached(&self) -> bool {
        let is_absent = matches!(self.kind(), FaultKind::Tls | FaultKind::Unreachable);
        self.failure.outcome() == Outcome::NotExecuted && is_absent
    }

    /// True where the server demands a credential. The caller needs the challenge, whatever else the
    /// response holds.
    #[must_use]
    pub fn has_challenge(&self) -> bool {
        let challenge = self.kind().challenge();
        challenge.is_some_and(|challenge| challenge.www_authenticate().is_some())
    }

    /// Sets what the fault shows of the session.
    #[must_use]
    pub fn with_session(mut self, session: SessionCondition) -> Self {
        self.failure = self.failure.with_session(session);
        self
    }

    /// Sets what the fault shows of the endpoint.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.failure = self.failure.with_evidence(evidence);
        self
    }

    /// Sets whether the server refused the revision of the protocol.
    #[must_use]
    pub fn with_refused_revision(mut self, refused: Option<RefusedRevision>) -> Self {
        self.refused_revision = refused;
        self
    }

    /// The refusal of the revision, where the server refused that.
    #[must_use]
    pub fn refused_revision(&self) -> Option<&RefusedRevision> {
        self.refused_revision.as_ref()
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

    /// The error of a `GOAWAY` is left out, since it shows the text that the server sent with it.
    fn with_source(mut self, error: reqwest::Error) -> Self {
        if causes(&error).any(http2::is_go_away) {
            return self;
        }
        self.source = Some(Arc::new(error.without_url()));
        self
    }
}

impl From<HttpFault> for ConnectError {
    fn from(fault: HttpFault) -> Self {
        let (kind, evidence) = (fault.kind().clone(), fault.failure.evidence());
        let error = Self::new(kind).with_source(fault);
        match evidence {
            // Of a connect, the kind shows more: its time limit is not a caller's.
            Evidence::None => error,
            evidence => error.with_evidence(evidence),
        }
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

/// Whether a response came that cannot be read as HTTP, or has too many headers.
fn is_no_http(error: &reqwest::Error) -> bool {
    let is_parse = |error: &hyper::Error| error.is_parse();
    causes(error).any(|cause| cause.downcast_ref().is_some_and(is_parse))
}

/// Whether the error, or one that it wraps, is of kind `InvalidData`.
///
/// `source` of an `io::Error` skips the wrapped error itself, so `get_ref` is checked too.
fn is_invalid_data(error: &io::Error) -> bool {
    let wrapped = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == io::ErrorKind::InvalidData || wrapped.is_some_and(is_invalid_data)
}
