//! Why an identity extractor failed.

use std::fmt;

/// Why an extractor could not identify the caller.
#[derive(Debug, thiserror::Error)]
#[error("identity extraction: {fault}: {reason}")]
pub struct ExtractError {
    fault: ExtractFault,
    reason: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The party at fault of a failed extraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtractFault {
    /// The caller: the credential is not valid (forged, expired, for another audience).
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

    /// The extractor cannot verify the credential, for a reason that is not the caller's.
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

    /// The party at fault.
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
