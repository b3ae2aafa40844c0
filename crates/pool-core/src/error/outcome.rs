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
