//! The cache of resolved requests, so that the headers of equal requests are digested once.
//!
//! A request is found by a fast keyed hash and recognised by a comparison of every part in full: a
//! hash collision costs a digest and can never give another caller's key. The cache serves only
//! pools whose identities follow from the headers alone. The compared headers stay in memory as long
//! as the cache, and nowhere else.

use std::{
    hash::{BuildHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use http::{HeaderName, HeaderValue};
use moka::{policy::EvictionPolicy, sync::Cache};

use super::{
    request_parts::{KnownRequest, RequestParts},
    resolved::Resolved,
};
use crate::types::PrehashedState;

/// The cache of resolved requests.
pub(crate) struct KeyCache {
    hasher: foldhash::quality::RandomState,
    names: Vec<HeaderName>,
    requests: Cache<u64, Arc<Entry>, PrehashedState>,
}

/// A request with its resolution. Callers keep the resolution alone, so that the compared headers leave
/// memory with their entry.
struct Entry {
    known: KnownRequest,
    resolved: Arc<Resolved>,
}

/// The hash of a request.
#[derive(Clone, Copy)]
pub(crate) struct RequestHash {
    hash: u64,
    /// Which of the first 64 identity headers the request has; a bit for each.
    present: u64,
}

impl KeyCache {
    pub(crate) fn new(names: Vec<HeaderName>) -> Self {
        let requests = Cache::builder()
            .max_capacity(MAX_REQUESTS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE_TTL)
            .build_with_hasher(PrehashedState);
        Self {
            hasher: foldhash::quality::RandomState::default(),
            names,
            requests,
        }
    }

    /// Hashes a request.
    pub(crate) fn hash(&self, parts: &RequestParts) -> RequestHash {
        let mut hasher = self.hasher.build_hasher();
        parts.endpoint.url().as_str().hash(&mut hasher);
        parts.endpoint.transport().hash(&mut hasher);
        parts.endpoint.gateway().hash(&mut hasher);
        parts.principal.hash(&mut hasher);
        parts.scope.hash(&mut hasher);
        let mut present = 0;
        for (position, name) in self.names.iter().enumerate() {
            for value in parts.headers.get_all(name) {
                value.as_bytes().hash(&mut hasher);
                present |= bit(position);
            }
            hasher.write_u8(0xff);
        }
        RequestHash {
            hash: hasher.finish(),
            present,
        }
    }

    /// The resolution of an equal request.
    pub(crate) fn get(&self, hash: RequestHash, parts: &RequestParts) -> Option<Arc<Resolved>> {
        let entry = self.requests.get(&hash.hash)?;
        let is_equal = self.is_equal(&entry.known, hash, parts);
        is_equal.then(|| Arc::clone(&entry.resolved))
    }

    /// Adds a request, in place of another one of its hash.
    pub(crate) fn insert(&self, hash: RequestHash, parts: &RequestParts, resolved: Arc<Resolved>) {
        let known = self.known(hash, parts);
        let entry = Arc::new(Entry { known, resolved });
        self.requests.insert(hash.hash, entry);
    }

    /// What an equal request is to be recognised by.
    fn known(&self, hash: RequestHash, parts: &RequestParts) -> KnownRequest {
        let values = self.values(hash, parts);
        KnownRequest {
            endpoint: parts.endpoint.clone(),
            principal: parts.principal.clone(),
            scope: parts.scope.clone(),
            values: values
                .map(|(position, value)| (position, value.clone()))
                .collect(),
            handlers: parts.handlers.clone(),
        }
    }

    fn is_equal(&self, known: &KnownRequest, hash: RequestHash, parts: &RequestParts) -> bool {
        let values = known
            .values
            .iter()
            .map(|(position, value)| (*position, value));
        known.matches(parts) && self.values(hash, parts).eq(values)
    }

    /// The values of the identity headers, each with the position of its name. Names that the hash
    /// found missing are not looked up again.
    fn values<'r>(
        &self,
        hash: RequestHash,
        parts: &'r RequestParts,
    ) -> impl Iterator<Item = (usize, &'r HeaderValue)> {
        let names = self.names.iter().enumerate();
        names
            .filter(move |(position, _)| bit(*position) == 0 || hash.present & bit(*position) != 0)
            .flat_map(|(position, name)| {
                let values = parts.headers.get_all(name).iter();
                values.map(move |value| (position, value))
            })
    }
}

/// The bit of a name; 0 for those that have none.
fn bit(position: usize) -> u64 {
    u32::try_from(position)
        .ok()
        .and_then(|position| 1_u64.checked_shl(position))
        .unwrap_or(0)
}

/// 800-byte tokens of this many requests are 10 MB.
const MAX_REQUESTS: u64 = 10_000;

/// A token that was not used for this long has probably been rotated away.
const IDLE_TTL: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use http::HeaderMap;

    use super::*;
    use crate::types::Endpoint;
    use crate::{
        extend::identity::DEFAULT_IDENTITY_HEADERS,
        types::{Principal, Scope},
    };

    type Pairs<'a> = &'a [(&'static str, &'static str)];

    fn request(pairs: Pairs<'_>) -> RequestParts {
        let endpoint = Endpoint::streamable_http("https://example.com/mcp").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        RequestParts {
            endpoint,
            principal: Principal::user("alice"),
            headers: Arc::new(headers),
            identity: None,
            scope: Scope::Identity,
            handlers: None,
            caller: None,
            lane: OnceLock::new(),
        }
    }

    fn recognises(cache: &KeyCache, one: &RequestParts, other: &RequestParts) -> bool {
        let known = cache.known(cache.hash(one), one);
        cache.is_equal(&known, cache.hash(other), other)
    }

    #[test]
    fn an_equal_request_is_recognised_whatever_else_it_has() {
        let cache = KeyCache::new(DEFAULT_IDENTITY_HEADERS.to_vec());
        let one = request(&[("cookie", "a"), ("authorization", "t"), ("accept", "x")]);
        let other = request(&[
            ("authorization", "t"),
            ("cookie", "a"),
            ("traceparent", "y"),
        ]);
        assert!(recognises(&cache, &one, &other));
        assert_eq!(cache.hash(&one).hash, cache.hash(&other).hash);
    }

    #[test]
    fn even_a_request_of_the_same_hash_is_compared_in_full() {
        let cache = KeyCache::new(DEFAULT_IDENTITY_HEADERS.to_vec());
        let one = request(&[("authorization", "t"), ("cookie", "a")]);
        for (case, other) in [
            (
                "another value",
                request(&[("authorization", "u"), ("cookie", "a")]),
            ),
            ("one missing", request(&[("authorization", "t")])),
            (
                "one more",
                request(&[("authorization", "t"), ("cookie", "a"), ("cookie", "")]),
            ),
            (
                "under another name",
                request(&[("authorization", "t"), ("x-api-key", "a")]),
            ),
            (
                "another scope",
                RequestParts {
                    scope: Scope::Shared,
                    ..one.clone()
                },
            ),
        ] {
            assert!(!recognises(&cache, &one, &other), "{case}");
        }
        let one = request(&[("authorization", "t")]);
        let other = request(&[("authorization", "u")]);
        assert!(!recognises(&cache, &one, &other), "the only value");
    }

    #[test]
    fn the_sixty_fifth_identity_header_counts_like_the_first() {
        let mut names: Vec<HeaderName> =
            (0..64).map(|n| format!("x-{n}").parse().unwrap()).collect();
        names.push(HeaderName::from_static("authorization"));
        let cache = KeyCache::new(names);
        let one = request(&[("authorization", "t")]);
        assert!(recognises(
            &cache,
            &one,
            &request(&[("authorization", "t")])
        ));
        assert!(!recognises(
            &cache,
            &one,
            &request(&[("authorization", "u")])
        ));
        assert!(!recognises(&cache, &one, &request(&[])));
    }
}
