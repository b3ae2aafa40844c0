//! The seam for identity extractors.

use std::fmt;

use async_trait::async_trait;
use http::HeaderMap;

use crate::extend::Identity;

/// Reduces the headers of a request to an identity.
///
/// Extractors are asked in the order in which the pool's builder was given them; the first one that
/// answers `Ok(Some(_))` decides. When none does, the identity headers are hashed
/// ([`HeaderIdentity`](crate::extend::HeaderIdentity)).
///
/// An extractor must never return an identity it has not verified: a caller who can make an
/// extractor return somebody else's identity gets that somebody's sessions.
///
/// ```
/// use async_trait::async_trait;
/// use http::HeaderMap;
/// use mcp_pool_core::{error::ExtractError, extend::{Identity, IdentityExtractor}};
///
/// /// The gateway in front has verified the user and says who it is.
/// struct TrustedUserHeader;
///
/// #[async_trait]
/// impl IdentityExtractor for TrustedUserHeader {
///     async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
///         Ok(headers
///             .get("x-verified-user")
///             .map(|user| Identity::from_parts("verified-user", [user])))
///     }
/// }
/// ```
#[async_trait]
pub trait IdentityExtractor: Send + Sync {
    /// The identity behind these headers, or `None` when they are not of this extractor's kind.
    ///
    /// Asynchronous since a key set may have to be fetched; the pool bounds it by the deadline of
    /// the acquire.
    ///
    /// # Errors
    /// [`ExtractError`] when the headers are of this extractor's kind and do not hold. What follows
    /// is the pool's [`OnExtractError`] policy.
    ///
    /// # Cancel safety
    /// The pool may drop the future at any await. Nothing of the request may be lost by it; work
    /// that others wait for (a key fetch) belongs on a task of its own.
    async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError>;
}

/// What the pool does when an extractor fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnExtractError {
    /// Hash the identity headers instead. Safe, because an unverified token is its own identity and
    /// can only reach sessions that were opened with that very token. The default.
    #[default]
    HashHeaders,
    /// Refuse the acquire.
    Refuse,
}

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
