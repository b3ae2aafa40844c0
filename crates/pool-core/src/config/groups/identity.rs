//! How the pool reads a caller's headers.

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::{
    extend::{DEFAULT_IDENTITY_HEADERS, OnExtractError},
    types::PER_REQUEST_HEADERS,
};

/// Which headers make up an identity, and which travel with one call only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IdentityConfig {
    /// The headers that separate one caller from another where no extractor does. Not empty.
    /// Default: [`DEFAULT_IDENTITY_HEADERS`].
    #[serde(with = "header_names")]
    pub identity_headers: Vec<HeaderName>,
    /// What the pool does when an identity extractor fails. Default: hash the identity headers.
    pub on_extract_error: OnExtractError,
    /// The headers of a caller that travel with the one call they came with, never with another.
    /// Default: [`PER_REQUEST_HEADERS`].
    #[serde(with = "header_names")]
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

/// Header names as a list of strings in serde.
mod header_names {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        names: &[HeaderName],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
        names.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<HeaderName>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let parse = |name: &String| HeaderName::from_bytes(name.as_bytes());
        names
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map_err(Error::custom)
    }
}
