//! One upstream.

use http::HeaderName;
use mcp_pool_core::Endpoint;

/// An upstream of a proxy: a name, an endpoint, and the headers of the downstream request that it
/// gets.
#[derive(Clone, Debug)]
pub struct Upstream {
    name: String,
    endpoint: Endpoint,
    forwarded: Vec<HeaderName>,
}

impl Upstream {
    /// An upstream with this name. It gets no header of the downstream request: a token that was
    /// issued for the gateway is not for its upstreams. The credentials for it come from the pool's
    /// [`CredentialSource`](mcp_pool_core::extend::CredentialSource).
    #[must_use]
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self {
            name: name.into(),
            endpoint,
            forwarded: Vec::new(),
        }
    }

    /// Passes on these headers of the downstream request. `authorization` only where the upstream is
    /// an audience of the same tokens.
    #[must_use]
    pub fn forwarding(mut self, headers: impl IntoIterator<Item = HeaderName>) -> Self {
        self.forwarded.extend(headers);
        self
    }

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

    /// The headers that are passed on.
    #[must_use]
    pub fn forwarded(&self) -> &[HeaderName] {
        &self.forwarded
    }

    /// True where the name is usable as the beginning of a tool's name and of a URI.
    pub(crate) fn has_usable_name(&self) -> bool {
        let is_usable = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        self.name.starts_with(|c: char| c.is_ascii_lowercase()) && self.name.chars().all(is_usable)
    }
}
