//! Why an identity extractor failed.

use std::fmt;

/// Why an extractor could not say who the caller is.
#[derive(Debug, thiserror::Error)]
#[error("identity extraction: {fault}: {reason}")]
pub struct ExtractError {
    fault: ExtractFault,
    reason: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Whose fault a failed extraction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtractFault {
    /// The caller's: the credential does not hold (forged, expired, for somebody else).
    Credential,
    /// The extractor's surroundings: a key set could not be had, for example.
    Unavailable,
}

impl ExtractError {
    /// The credential does not hold. `reason` must not contain any part of it.
    #[must_use]
    pub fn credential(reason: impl Into<String>) -> Self {
        Self::new(ExtractFault::Credential, reason)
    }

    /// The extractor cannot tell, for a reason that is not the caller's.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(ExtractFault::Unavailable, reason)
    }

    /// Adds the cause. It must not print any part of the credential.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> ExtractFault {
        self.fault
    }

    fn new(fault: ExtractFault, reason: impl Into<String>) -> Self {
        Self {
            fault,
            reason: reason.into(),
            source: None,
        }
    }
}

impl fmt::Display for ExtractFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "credential refused",
            Self::Unavailable => "cannot verify now",
        })
    }
}
