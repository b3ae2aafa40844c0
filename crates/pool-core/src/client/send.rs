//! One request on one session.

use rmcp::model::ClientRequest;
use tokio::time::{Instant, timeout_at};

use crate::{
    error::{CallError, CallFailure, FaultKind, Outcome, SessionCondition},
    extend::{Answer, CallContext, Session},
    key::PooledSession,
};

/// Why a request on a session has no result.
pub(super) enum Failed {
    /// The server answered with an error.
    Answered(rmcp::ErrorData),
    /// The server answered with an error, and may have refused the session, not the request.
    Refused(rmcp::ErrorData),
    /// The deadline passed after the request was sent.
    TimedOut,
    /// The transport failed.
    Broken(CallFailure),
}

/// Sends one request and waits for its answer.
pub(super) async fn send(
    pooled: &PooledSession,
    request: ClientRequest,
    context: &CallContext,
    deadline: Instant,
) -> Result<Answer, Failed> {
    let call = pooled.session.driver().call(request, Some(context));
    match timeout_at(deadline, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failure)) => Err(Failed::Broken(failure)),
        Err(_) => Err(Failed::TimedOut),
    }
}

impl Failed {
    /// What an error of rmcp on a session means.
    pub(super) fn of(session: &Session, error: rmcp::ServiceError) -> Self {
        match error {
            rmcp::ServiceError::McpError(error) => Self::Answered(error),
            error => Self::Broken(session.driver().classify(&error)),
        }
    }

    /// The error that the caller gets.
    pub(super) fn surfaced(self) -> CallError {
        match (self.failure(), self) {
            (Some(failure), _) => CallError::of_failure(failure),
            (None, Self::Answered(error) | Self::Refused(error)) => CallError::Rpc(error),
            (None, _) => CallError::UnexpectedResult,
        }
    }

    /// The failure of the transport, if that is what it was.
    pub(super) fn failure(&self) -> Option<CallFailure> {
        match self {
            Self::Answered(_) | Self::Refused(_) => None,
            Self::TimedOut => {
                let failure = CallFailure::new(Outcome::Unknown, FaultKind::Timeout);
                Some(failure.with_session(SessionCondition::Suspect))
            }
            Self::Broken(failure) => Some(failure.clone()),
        }
    }
}
