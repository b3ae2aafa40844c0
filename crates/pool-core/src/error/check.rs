//! Why a health check failed.

use std::sync::Arc;

use super::acquire::AcquireError;

/// Why a session did not pass its health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The transport is closed.
    #[error("the session's transport is closed")]
    Closed,
    /// Every probe of the chain was unknown to the server or unanswered.
    #[error("no probe was answered")]
    Exhausted,
    /// A probe was answered with an error, or could not be sent.
    #[error("probe `{0}` failed")]
    Failed(&'static str),
}

impl CheckError {
    /// A short word for labels and logs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Exhausted => "exhausted",
            Self::Failed(_) => "failed",
        }
    }
}

/// Why an endpoint is not healthy.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// No session could be had.
    #[error("no session with the endpoint")]
    Acquire(#[source] Arc<AcquireError>),
    /// The session did not answer.
    #[error("the endpoint's session did not answer")]
    Check(#[source] CheckError),
}
