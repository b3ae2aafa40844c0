//! An upstream of the file.

use http::HeaderName;
use mcp_pool_core::Endpoint;

use crate::secret::SecretRef;

/// An upstream of the file. Its endpoint has the upstream's name as its gateway entry
/// ([`Endpoint::with_gateway`]), by which its credentials are found.
#[derive(Clone, Debug)]
pub struct ConfiguredUpstream {
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) forward: Vec<HeaderName>,
    pub(crate) headers: Vec<(HeaderName, SecretRef)>,
    pub(crate) oauth: Option<String>,
}

impl ConfiguredUpstream {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The name of the OAuth settings that its tokens are had by.
    #[must_use]
    pub fn oauth(&self) -> Option<&str> {
        self.oauth.as_deref()
    }

    /// The headers of a downstream request that it gets.
    #[must_use]
    pub fn forward(&self) -> &[HeaderName] {
        &self.forward
    }
}
