//! What a header that platforms route by stands for.

use http::HeaderName;
use serde::{Deserialize, Serialize};

/// A header that carries an opaque digest of the caller's key with each request, for a platform that
/// routes by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Affinity {
    pub(crate) header: HeaderName,
    pub(crate) scope: AffinityScope,
}

/// Which requests carry the same affinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AffinityScope {
    /// Those of one identity, all of its conversations included.
    Identity,
    /// Those of one pool key: each conversation has its own.
    Key,
}

impl AffinityScope {
    /// The name of the scope in a configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Key => "key",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Identity, Self::Key];
        all.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// Why a header cannot carry an affinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AffinityError {
    /// It carries the caller's credentials.
    #[error("affinity header: carries the credentials of the caller")]
    Credential,
    /// It belongs to one request, such as a trace.
    #[error("affinity header: belongs to one request")]
    PerRequest,
    /// The transport sets it, or it belongs to one hop.
    #[error("affinity header: reserved for the transport")]
    Reserved,
    /// It is no name of a header.
    #[error("affinity header: no name of a header")]
    Syntax,
}
