//! How the pool reads a caller's headers.

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::extend::{DEFAULT_IDENTITY_HEADERS, OnExtractError};
use crate::types::PER_REQUEST_HEADERS;

/// Which headers make up an identity, and which travel with one call only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IdentityConfig {
    /// The headers that separate one caller from another where no extractor does. Not empty.
    /// Default: [`DEFAULT_IDENTITY_HEADERS`].
    #[serde(with = "super::header_names")]
    pub identity_headers: Vec<HeaderName>,
    /// What the pool does when an identity extractor fails. Default: hash the identity headers.
    pub on_extract_error: OnExtractError,
    /// The headers of a caller that travel with the one call they came with, never with another.
    /// Default: [`PER_REQUEST_HEADERS`].
    #[serde(with = "super::header_names")]
    pub passthrough_headers: Vec<HeaderName>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            identity_headers: DEFAULT_IDENTITY_HEADERS.to_vec(),
            on_extract_error: OnExtractError::HashHeaders,
            passthrough_headers: PER_REQUEST_HEADERS.to_vec(),
        }
    }
}
