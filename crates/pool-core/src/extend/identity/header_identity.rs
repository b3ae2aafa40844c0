//! The identity that lies in the headers themselves.

use http::{HeaderMap, HeaderName, header};

use crate::types::{Digest, DigestKey, Identity};

/// The headers that separate one caller from another unless configured otherwise.
pub const DEFAULT_IDENTITY_HEADERS: [HeaderName; 5] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-tenant-id"),
    HeaderName::from_static("x-user-id"),
    HeaderName::from_static("x-api-key"),
    header::COOKIE,
];

/// Hashes the headers that separate one caller from another.
///
/// Two requests have one identity when their identity headers are equal to the byte: names are
/// compared without regard to case (they are [`HeaderName`]s), the order of different headers is
/// irrelevant, the order of values of one header is not, an empty value is not an absent one, and
/// no value can imitate another header's. A request without any of the headers is anonymous.
///
/// ```
/// use http::HeaderMap;
/// use mcp_pool_core::extend::HeaderIdentity;
/// let mut headers = HeaderMap::new();
/// let identity = HeaderIdentity::default();
/// assert!(identity.of(&headers).is_anonymous());
/// headers.insert("X-User-Id", "alice".parse().unwrap());
/// assert!(!identity.of(&headers).is_anonymous());
/// ```
#[derive(Clone, Debug)]
pub struct HeaderIdentity {
    /// Sorted and without duplicates, so that configuration order is irrelevant.
    names: Vec<HeaderName>,
}

impl HeaderIdentity {
    /// An identity made of these headers.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Self { names }
    }

    /// The headers that it hashes.
    #[must_use]
    pub fn names(&self) -> &[HeaderName] {
        &self.names
    }

    /// The identity of a request with these headers.
    #[must_use]
    pub fn of(&self, headers: &HeaderMap) -> Identity {
        if !self.names.iter().any(|name| headers.contains_key(name)) {
            return Identity::anonymous();
        }
        Identity::from_parts("headers", [self.digest(headers).as_bytes()])
    }

    fn digest(&self, headers: &HeaderMap) -> Digest {
        // Equal on every replica.
        let mut digest = DigestKey::portable().digest("identity-headers");
        for name in &self.names {
            let values = headers.get_all(name);
            let count = values.iter().count() as u64;
            if count == 0 {
                continue;
            }
            digest = digest
                .field(name.as_str().as_bytes())
                .field(&count.to_le_bytes());
            for value in values {
                digest = digest.field(value.as_bytes());
            }
        }
        digest.finish()
    }
}

impl Default for HeaderIdentity {
    /// Hashes [`DEFAULT_IDENTITY_HEADERS`].
    fn default() -> Self {
        Self::new(DEFAULT_IDENTITY_HEADERS)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        map
    }

    #[test]
    fn case_and_order_of_headers_are_irrelevant() {
        let identity = HeaderIdentity::default();
        let one = headers(&[("X-User-Id", "a"), ("Authorization", "t")]);
        let other = headers(&[("authorization", "t"), ("x-user-id", "a"), ("accept", "x")]);
        assert_eq!(identity.of(&one), identity.of(&other));
    }

    #[test]
    fn an_identity_is_the_same_in_every_process() {
        let identity = HeaderIdentity::default().of(&headers(&[("authorization", "t")]));
        let digest = identity.digest().as_bytes();
        assert_eq!(digest[..8], [127, 182, 251, 193, 124, 160, 134, 44]);
    }

    #[test]
    fn each_identity_header_tells_callers_apart() {
        let identity = HeaderIdentity::default();
        for name in DEFAULT_IDENTITY_HEADERS {
            let one = identity.of(&headers(&[(name.as_str(), "a")]));
            let other = identity.of(&headers(&[(name.as_str(), "b")]));
            assert_ne!(one, other, "{name}");
            assert!(!one.is_anonymous());
        }
    }

    #[test]
    fn no_value_imitates_another_request() {
        let identity = HeaderIdentity::default();
        let tricks: Vec<HeaderMap> = vec![
            headers(&[]),
            headers(&[("x-user-id", "")]),
            headers(&[("x-user-id", "a")]),
            headers(&[("x-user-id", "a"), ("x-user-id", "")]),
            headers(&[("x-user-id", "a, b")]),
            headers(&[("x-user-id", "a"), ("x-user-id", "b")]),
            headers(&[("x-user-id", "b"), ("x-user-id", "a")]),
            headers(&[("x-tenant-id", "ax-user-id"), ("x-user-id", "b")]),
            headers(&[("x-tenant-id", "a"), ("x-user-id", "x-user-idb")]),
            headers(&[("x-tenant-id", "a"), ("x-user-id", "b")]),
            headers(&[("x-tenant-id", "b"), ("x-user-id", "a")]),
            headers(&[("x-api-key", "a")]),
            headers(&[("cookie", "a")]),
        ];
        for (i, one) in tricks.iter().enumerate() {
            for other in &tricks[i + 1..] {
                assert_ne!(identity.of(one), identity.of(other), "{one:?} {other:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn equal_identities_mean_equal_identity_headers(
            one in proptest::collection::vec((0usize..6, "[ab]{0,2}"), 0..4),
            other in proptest::collection::vec((0usize..6, "[ab]{0,2}"), 0..4),
        ) {
            let names = ["authorization", "x-tenant-id", "x-user-id", "x-api-key", "cookie", "accept"];
            let build = |pairs: &[(usize, String)]| {
                let pairs: Vec<_> = pairs.iter().map(|(n, v)| (names[*n], v.as_str())).collect();
                headers(&pairs)
            };
            let seen = |map: &HeaderMap| -> Vec<Vec<HeaderValue>> {
                names[..5].iter().map(|n| map.get_all(*n).iter().cloned().collect()).collect()
            };
            let (one, other) = (build(&one), build(&other));
            let identity = HeaderIdentity::default();
            prop_assert_eq!(identity.of(&one) == identity.of(&other), seen(&one) == seen(&other));
        }
    }
}
