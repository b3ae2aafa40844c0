//! What a failed request shows of its outcome and of its session.

use std::{error::Error, fmt};

use rmcp::service::ServiceError;

use super::{evidence::Evidence, fault::FaultKind};

/// What is known of a call's effect on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The server answered, with a result or with an error of its own.
    Answered,
    /// The server provably did nothing: the request was never sent, or refused before execution.
    NotExecuted,
    /// The request was sent and no answer came. It may or may not have been executed.
    Unknown,
}

impl Outcome {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotExecuted => "not_executed",
            Self::Unknown => "unknown",
        }
    }
}

/// What a failed request shows of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionCondition {
    /// The session is as good as before.
    Fine,
    /// The session has ended, or must not be used again.
    Gone,
    /// The server refused the request in a way in which servers refuse an unknown session. A check
    /// of the session decides: where it is refused too, the session is gone and the request was not
    /// executed.
    Refused,
    /// Nothing is known of the session. The pool checks it before its next use.
    Suspect,
}

/// What a transport makes of a request that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    outcome: Outcome,
    kind: FaultKind,
    session: SessionCondition,
    evidence: Evidence,
}

impl CallFailure {
    /// A failure after which the session is not to be used again.
    #[must_use]
    pub fn new(outcome: Outcome, kind: FaultKind) -> Self {
        let evidence = match kind {
            // The time limit of a call is its caller's.
            FaultKind::Timeout => Evidence::None,
            _ => kind.evidence(),
        };
        Self {
            outcome,
            kind,
            session: SessionCondition::Gone,
            evidence,
        }
    }

    /// Marks the session as usable: [`SessionCondition::Fine`].
    #[must_use]
    pub fn with_usable_session(self) -> Self {
        self.with_session(SessionCondition::Fine)
    }

    /// Sets the condition of the session. Default: [`SessionCondition::Gone`].
    #[must_use]
    pub fn with_session(mut self, session: SessionCondition) -> Self {
        self.session = session;
        self
    }

    /// Sets what the failure shows of the endpoint. Default: what its kind shows
    /// ([`FaultKind::evidence`]); of [`FaultKind::Timeout`], nothing.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// A reading that knows nothing of the transport: only an answer is known to be one; any other
    /// request may have been executed. A failure that a [`Wire`](crate::extend::Wire) reported is
    /// taken from the error.
    #[must_use]
    pub fn conservative(error: &ServiceError) -> Self {
        match error {
            ServiceError::McpError(_) | ServiceError::UnexpectedResponse => {
                Self::new(Outcome::Answered, FaultKind::Protocol).with_usable_session()
            }
            ServiceError::Timeout { .. } => Self::new(Outcome::Unknown, FaultKind::Timeout)
                .with_session(SessionCondition::Suspect),
            ServiceError::TransportSend(error) => match error.error.downcast_ref::<Self>() {
                Some(failure) => failure.clone(),
                None => Self::new(Outcome::Unknown, FaultKind::Other),
            },
            ServiceError::TransportClosed => Self::new(Outcome::Unknown, FaultKind::Unreachable),
            _ => Self::new(Outcome::Unknown, FaultKind::Other),
        }
    }

    /// What is known of the call's effect.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// The condition that the failure left the session in.
    #[must_use]
    pub fn session(&self) -> SessionCondition {
        self.session
    }

    /// What the failure shows of the endpoint.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// Whether other calls may use the session further: once it has passed a check, where its
    /// [condition](Self::session) is another one than [`SessionCondition::Fine`].
    #[must_use]
    pub fn is_session_usable(&self) -> bool {
        self.session != SessionCondition::Gone
    }

    /// Whether the session is gone and the call was provably not executed, so that it may be
    /// repeated on a fresh one.
    #[must_use]
    pub fn is_repeatable_elsewhere(&self) -> bool {
        self.outcome == Outcome::NotExecuted && self.kind == FaultKind::SessionGone
    }
}

impl Error for CallFailure {}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

#[cfg(test)]
mod tests {
    use std::{any::TypeId, time::Duration};

    use rmcp::{ErrorData, transport::DynamicTransportError};

    use super::*;

    fn read(error: ServiceError) -> (Outcome, FaultKind, SessionCondition, Evidence) {
        let CallFailure {
            outcome,
            kind,
            session,
            evidence,
        } = CallFailure::conservative(&error);
        (outcome, kind, session, evidence)
    }

    fn unsent(error: impl Error + Send + Sync + 'static) -> ServiceError {
        let error = DynamicTransportError::from_parts("test", TypeId::of::<()>(), Box::new(error));
        ServiceError::TransportSend(error)
    }

    #[test]
    fn an_answer_is_known_to_be_one_and_leaves_the_session_as_it_was() {
        let refused = ServiceError::McpError(ErrorData::internal_error("broken", None));
        for error in [refused, ServiceError::UnexpectedResponse] {
            let (outcome, kind, session, _) = read(error);
            assert_eq!(outcome, Outcome::Answered);
            assert_eq!(
                (kind, session),
                (FaultKind::Protocol, SessionCondition::Fine)
            );
        }
    }

    #[test]
    fn without_an_answer_a_request_may_have_been_executed() {
        let late = ServiceError::Timeout {
            timeout: Duration::from_secs(1),
        };
        let cancelled = ServiceError::Cancelled { reason: None };
        let (suspect, gone) = (SessionCondition::Suspect, SessionCondition::Gone);
        let unknown = Outcome::Unknown;
        assert_eq!(
            read(late),
            (unknown, FaultKind::Timeout, suspect, Evidence::None)
        );
        for (error, kind) in [
            (ServiceError::TransportClosed, FaultKind::Unreachable),
            (unsent(fmt::Error), FaultKind::Other),
            (cancelled, FaultKind::Other),
        ] {
            let evidence = kind.evidence();
            assert_eq!(read(error), (unknown, kind, gone, evidence));
        }
    }

    #[test]
    fn what_a_wire_reported_is_taken_from_its_error() {
        let reported = CallFailure::new(Outcome::NotExecuted, FaultKind::TooLarge { limit: 1 })
            .with_session(SessionCondition::Refused)
            .with_evidence(Evidence::Here);
        let read = CallFailure::conservative(&unsent(reported.clone()));
        assert_eq!(read, reported);
    }

    #[test]
    fn a_call_is_repeated_elsewhere_only_where_the_session_is_gone_and_nothing_was_executed() {
        let repeatable = |outcome, kind| CallFailure::new(outcome, kind).is_repeatable_elsewhere();
        assert!(repeatable(Outcome::NotExecuted, FaultKind::SessionGone));
        for outcome in [Outcome::Answered, Outcome::Unknown] {
            assert!(!repeatable(outcome, FaultKind::SessionGone));
        }
        assert!(!repeatable(Outcome::NotExecuted, FaultKind::Unreachable));
    }

    #[test]
    fn only_a_session_that_is_gone_is_not_used_further() {
        let failure = CallFailure::new(Outcome::Unknown, FaultKind::Other);
        let is_usable = |session| failure.clone().with_session(session).is_session_usable();
        for session in [
            SessionCondition::Fine,
            SessionCondition::Refused,
            SessionCondition::Suspect,
        ] {
            assert!(is_usable(session), "{session:?}");
        }
        assert!(!is_usable(SessionCondition::Gone));
    }

    #[test]
    fn each_outcome_has_a_word_of_its_own() {
        let words =
            [Outcome::Answered, Outcome::NotExecuted, Outcome::Unknown].map(Outcome::as_str);
        assert_eq!(words, ["answered", "not_executed", "unknown"]);
    }
}
