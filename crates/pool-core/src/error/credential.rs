//! Why a credential source has no headers for a request.

use std::{error::Error, fmt, sync::Arc};

/// Why there are no credentials for a request. `reason` must hold no part of one.
#[derive(Clone, Debug)]
pub struct CredentialError {
    reason: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl CredentialError {
    /// There are none, for this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            cause: None,
        }
    }

    /// There are none, for the reason that the error gives. Neither its `Display` nor its `Debug` may
    /// show any part of a credential.
    #[must_use]
    pub fn of(cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            reason: cause.to_string(),
            cause: Some(Arc::new(cause)),
        }
    }

    /// The error that the source gave as its reason, where it is of this type: what a caller can act on.
    ///
    /// ```
    /// use mcp_pool_core::error::CredentialError;
    /// let error = CredentialError::of(std::fmt::Error);
    /// assert!(error.cause::<std::fmt::Error>().is_some());
    /// ```
    #[must_use]
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        self.cause.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credentials: {}", self.reason)
    }
}

impl Error for CredentialError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The reason is its text, so that the causes begin below it.
        self.cause.as_deref()?.source()
    }
}

/// Two errors are equal where they give the same reason.
impl PartialEq for CredentialError {
    fn eq(&self, other: &Self) -> bool {
        self.reason == other.reason
    }
}

impl Eq for CredentialError {}
