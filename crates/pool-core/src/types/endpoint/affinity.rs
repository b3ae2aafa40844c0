//! Headers that platforms route by.

use http::{HeaderName, header};

use super::{
    affinity_scope::{Affinity, AffinityError, AffinityScope},
    endpoint::Endpoint,
};
use crate::types::headers::{PER_REQUEST_HEADERS, is_reserved_header};

impl Endpoint {
    /// Sends an opaque digest of the caller's key in this header with each request over HTTP, for a
    /// platform that routes by it: requests of equal scope reach the same instance of a server without
    /// sessions. Default: none.
    ///
    /// The digest is made under the key material of the pool's [`Fleet`](crate::Fleet), so that it is
    /// equal on every replica; without a fleet, under a random key of the pool. It shows nothing of the
    /// caller, differs for each endpoint, and takes the place of a header of this name that a caller
    /// sends. Endpoints that differ in this alone share sessions.
    ///
    /// ```
    /// use mcp_pool_core::{AffinityScope, Endpoint, error::AffinityError};
    /// let endpoint = Endpoint::streamable_http("https://example.com/mcp")?;
    /// let endpoint = endpoint.with_affinity("x-session-affinity", AffinityScope::Key)?;
    /// let refused = endpoint.with_affinity("authorization", AffinityScope::Key);
    /// assert_eq!(refused, Err(AffinityError::Credential));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AffinityError`]: the header has another purpose, or is none.
    pub fn with_affinity(self, header: &str, scope: AffinityScope) -> Result<Self, AffinityError> {
        let header: HeaderName = header.parse().map_err(|_| AffinityError::Syntax)?;
        if CREDENTIALS.contains(&header) {
            return Err(AffinityError::Credential);
        }
        if PER_REQUEST_HEADERS.contains(&header) {
            return Err(AffinityError::PerRequest);
        }
        if is_reserved_header(&header) || SET_BY_CLIENTS.contains(&header) {
            return Err(AffinityError::Reserved);
        }
        Ok(self.change(|inner| inner.affinity = Some(Affinity { header, scope })))
    }

    /// The header of the affinity and its scope, where the endpoint has one.
    #[must_use]
    pub fn affinity(&self) -> Option<(&HeaderName, AffinityScope)> {
        let affinity = self.inner().affinity.as_ref()?;
        Some((&affinity.header, affinity.scope))
    }
}

const CREDENTIALS: [HeaderName; 2] = [header::AUTHORIZATION, header::COOKIE];
/// What HTTP clients set themselves.
const SET_BY_CLIENTS: [HeaderName; 1] = [header::USER_AGENT];

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::streamable_http("https://example.com/mcp").unwrap()
    }

    #[test]
    fn a_header_with_another_purpose_is_refused_by_its_kind() {
        use AffinityError::{Credential, PerRequest, Reserved, Syntax};
        for (header, error) in [
            ("", Syntax),
            ("with space", Syntax),
            ("umlaut-ä", Syntax),
            ("line\nbreak", Syntax),
            ("Authorization", Credential),
            ("cookie", Credential),
            ("traceparent", PerRequest),
            ("X-Request-Id", PerRequest),
            ("host", Reserved),
            ("content-length", Reserved),
            ("mcp-session-id", Reserved),
            ("mcp-param-region", Reserved),
            ("x-forwarded-for", Reserved),
            ("accept", Reserved),
            ("user-agent", Reserved),
        ] {
            let refused = endpoint().with_affinity(header, AffinityScope::Key);
            assert_eq!(refused, Err(error), "{header}");
        }
    }

    #[test]
    fn an_endpoint_has_the_affinity_that_was_set_last() {
        assert_eq!(endpoint().affinity(), None);
        let one = endpoint().with_affinity("X-One", AffinityScope::Key);
        let two = one.unwrap().with_affinity("x-two", AffinityScope::Identity);
        let two = two.unwrap();
        let name = HeaderName::from_static("x-two");
        assert_eq!(two.affinity(), Some((&name, AffinityScope::Identity)));
    }

    #[test]
    fn a_scope_has_the_name_that_it_is_read_by() {
        for scope in [AffinityScope::Identity, AffinityScope::Key] {
            assert_eq!(AffinityScope::from_name(scope.as_str()), Some(scope));
        }
        assert_eq!(AffinityScope::from_name("principal"), None);
    }
}
