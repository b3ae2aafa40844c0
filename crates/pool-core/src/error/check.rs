//! Why a health check failed.

use std::sync::Arc;

use super::{acquire::AcquireError, evidence::Evidence};

/// Why a session did not pass its health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The transport is closed.
    #[error("the session's transport is closed")]
    Closed,
    /// No probe of the chain was answered in time.
    #[error("no probe was answered")]
    Exhausted,
    /// The server refused a probe, or answered it with an error.
    #[error("probe `{0}` failed")]
    Failed(&'static str),
    /// The server was not reached, or its answer was lost. Nothing is known of the session.
    #[error("probe `{probe}` got no answer")]
    Unreached {
        /// The probe.
        probe: &'static str,
        /// What that shows of the endpoint.
        evidence: Evidence,
    },
}

impl CheckError {
    /// True when the check shows that the session is not known to the server any more, rather than
    /// that nothing is known of it.
    pub(crate) fn is_proof(self) -> bool {
        matches!(self, Self::Closed | Self::Failed(_))
    }

    /// A short word for labels and logs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Exhausted => "exhausted",
            Self::Failed(_) => "failed",
            Self::Unreached { .. } => "unreached",
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
