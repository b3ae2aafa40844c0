//! Why a credential source has no headers for a request.

/// Why there are no credentials for a request. `reason` must hold no part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("credentials: {reason}")]
pub struct CredentialError {
    reason: String,
}

impl CredentialError {
    /// There are none, for this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}
