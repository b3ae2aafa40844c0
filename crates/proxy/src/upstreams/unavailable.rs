//! An upstream that could not be had for a merged answer.

use std::fmt;

use mcp_pool_core::error::CallError;

/// An upstream that could not be had for an answer to which several upstreams contribute. The answer
/// has the others' part.
#[non_exhaustive]
pub struct Unavailable<'a> {
    /// The name of the upstream.
    pub upstream: &'a str,
    /// The request to which it did not contribute, such as `tools/list`.
    pub method: &'static str,
    /// Why. `None`: it did not answer within the proxy's time for lists.
    pub error: Option<&'a CallError>,
}

impl fmt::Debug for Unavailable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unavailable")
            .field("upstream", &self.upstream)
            .field("method", &self.method)
            .field("error", &self.error)
            .finish()
    }
}
