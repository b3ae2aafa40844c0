//! What the pool remembers of raw requests, so that the same headers are digested once.
//!
//! A request is found by a fast keyed hash and recognised by comparing every part of it in full: a
//! collision costs a digest and can never give somebody else's key. Used only while an identity
//! follows from the headers alone. The headers that are compared are held in memory for as long as
//! the memory lasts, and nowhere else.

use std::{
    hash::{BuildHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use http::{HeaderName, HeaderValue};
use moka::{policy::EvictionPolicy, sync::Cache};

use super::{AcquireRequest, resolved::Resolved};
use crate::{Endpoint, Principal, Scope, extend::HandlerFactory};

/// What the pool remembers of raw requests.
pub(super) struct Memo {
    hasher: foldhash::quality::RandomState,
    names: Vec<HeaderName>,
    known: Cache<u64, Arc<Resolved>, PrehashedState>,
}

/// What a request looks like at first sight.
#[derive(Clone, Copy)]
pub(super) struct Sight {
    /// The hash by which it is found.
    print: u64,
    /// Which of the first 64 identity headers it has; a bit for each.
    present: u64,
}

/// Every part of a request that its identity and key follow from, to recognise an equal one by.
pub(super) struct Known {
    endpoint: Endpoint,
    principal: Principal,
    scope: Scope,
    /// The values of the identity headers, each with the place of its name.
    values: Box<[(usize, HeaderValue)]>,
    handlers: Option<Arc<dyn HandlerFactory>>,
}

impl Memo {
    pub(super) fn new(names: Vec<HeaderName>) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(FORGET_AFTER)
            .build_with_hasher(PrehashedState);
        Self {
            hasher: foldhash::quality::RandomState::default(),
            names,
            known,
        }
    }

    /// Looks at a request.
    pub(super) fn look(&self, request: &AcquireRequest) -> Sight {
        let mut hasher = self.hasher.build_hasher();
        request.endpoint.url().as_str().hash(&mut hasher);
        request.endpoint.transport().hash(&mut hasher);
        request.endpoint.gateway().hash(&mut hasher);
        request.principal.hash(&mut hasher);
        request.scope.hash(&mut hasher);
        let mut present = 0;
        for (place, name) in self.names.iter().enumerate() {
            for value in request.headers.get_all(name) {
                value.as_bytes().hash(&mut hasher);
                present |= bit(place);
            }
            hasher.write_u8(0xff);
        }
        Sight {
            print: hasher.finish(),
            present,
        }
    }

    /// What was worked out of an equal request.
    pub(super) fn recall(&self, sight: Sight, request: &AcquireRequest) -> Option<Arc<Resolved>> {
        let resolved = self.known.get(&sight.print)?;
        let known = resolved.known.as_ref()?;
        self.is_same(known, sight, request).then_some(resolved)
    }

    /// What an equal request is to be recognised by.
    pub(super) fn known(&self, sight: Sight, request: &AcquireRequest) -> Known {
        let values = self.values(sight, request);
        Known {
            endpoint: request.endpoint.clone(),
            principal: request.principal.clone(),
            scope: request.scope.clone(),
            values: values
                .map(|(place, value)| (place, value.clone()))
                .collect(),
            handlers: request.handlers.clone(),
        }
    }

    /// Remembers what was worked out of a request.
    pub(super) fn learn(&self, sight: Sight, resolved: Arc<Resolved>) {
        self.known.insert(sight.print, resolved);
    }

    fn is_same(&self, known: &Known, sight: Sight, request: &AcquireRequest) -> bool {
        let same_handlers = match (&known.handlers, &request.handlers) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let values = known.values.iter().map(|(place, value)| (*place, value));
        same_handlers
            && known.endpoint == request.endpoint
            && known.principal == request.principal
            && known.scope == request.scope
            && self.values(sight, request).eq(values)
    }

    /// The values of the identity headers, each with the place of its name. Names that are known
    /// to be missing are not looked up again.
    fn values<'r>(
        &self,
        sight: Sight,
        request: &'r AcquireRequest,
    ) -> impl Iterator<Item = (usize, &'r HeaderValue)> {
        let names = self.names.iter().enumerate();
        names
            .filter(move |(place, _)| bit(*place) == 0 || sight.present & bit(*place) != 0)
            .flat_map(|(place, name)| {
                let values = request.headers.get_all(name).iter();
                values.map(move |value| (place, value))
            })
    }
}

/// The bit of a name; 0 for those that have none.
fn bit(place: usize) -> u64 {
    u32::try_from(place)
        .ok()
        .and_then(|place| 1_u64.checked_shl(place))
        .unwrap_or(0)
}

/// For keys that are hashes already.
#[derive(Clone, Copy, Default)]
pub(crate) struct PrehashedState;

/// Hands the key through.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prehashed(u64);

impl BuildHasher for PrehashedState {
    type Hasher = Prehashed;

    fn build_hasher(&self) -> Prehashed {
        Prehashed::default()
    }
}

impl Hasher for Prehashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// 800-byte tokens of this many requests are 10 MB.
const MAX_KNOWN: u64 = 10_000;

/// A token that was not seen for this long has probably been rotated away.
const FORGET_AFTER: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    type Pairs<'a> = &'a [(&'static str, &'static str)];

    fn request(pairs: Pairs<'_>) -> AcquireRequest {
        let endpoint = Endpoint::streamable_http("https://example.com/mcp").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        AcquireRequest::new(endpoint, Principal::user("alice")).with_headers(headers)
    }

    fn recognises(memo: &Memo, one: &AcquireRequest, other: &AcquireRequest) -> bool {
        let known = memo.known(memo.look(one), one);
        memo.is_same(&known, memo.look(other), other)
    }

    #[test]
    fn an_equal_request_is_recognised_whatever_else_it_has() {
        let memo = Memo::new(crate::config::DEFAULT_IDENTITY_HEADERS.to_vec());
        let one = request(&[("cookie", "a"), ("authorization", "t"), ("accept", "x")]);
        let other = request(&[
            ("authorization", "t"),
            ("cookie", "a"),
            ("traceparent", "y"),
        ]);
        assert!(recognises(&memo, &one, &other));
        assert_eq!(memo.look(&one).print, memo.look(&other).print);
    }

    #[test]
    fn even_a_request_of_the_same_hash_is_compared_in_full() {
        let memo = Memo::new(crate::config::DEFAULT_IDENTITY_HEADERS.to_vec());
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
            ("another scope", one.clone().with_scope(Scope::Shared)),
        ] {
            assert!(!recognises(&memo, &one, &other), "{case}");
        }
    }

    #[test]
    fn the_sixty_fifth_identity_header_counts_like_the_first() {
        let mut names: Vec<HeaderName> =
            (0..64).map(|n| format!("x-{n}").parse().unwrap()).collect();
        names.push(HeaderName::from_static("authorization"));
        let memo = Memo::new(names);
        let one = request(&[("authorization", "t")]);
        assert!(recognises(&memo, &one, &request(&[("authorization", "t")])));
        assert!(!recognises(
            &memo,
            &one,
            &request(&[("authorization", "u")])
        ));
        assert!(!recognises(&memo, &one, &request(&[])));
    }
}
