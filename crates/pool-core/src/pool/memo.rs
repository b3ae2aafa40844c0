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

use http::{HeaderMap, HeaderName};
use moka::{policy::EvictionPolicy, sync::Cache};

use super::{AcquireRequest, resolve::Resolved};
use crate::{Endpoint, HandlerFactory, Principal, Scope};

/// What the pool remembers of raw requests.
pub(super) struct Memo {
    hasher: foldhash::quality::RandomState,
    names: Vec<HeaderName>,
    known: Cache<u64, Arc<Known>, PrehashedState>,
}

struct Known {
    endpoint: Endpoint,
    principal: Principal,
    scope: Scope,
    headers: Arc<HeaderMap>,
    handlers: Option<Arc<dyn HandlerFactory>>,
    resolved: Arc<Resolved>,
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

    /// The hash by which a request is found.
    pub(super) fn print(&self, request: &AcquireRequest) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        request.endpoint.url().as_str().hash(&mut hasher);
        request.endpoint.transport().hash(&mut hasher);
        request.endpoint.gateway().hash(&mut hasher);
        request.principal.hash(&mut hasher);
        request.scope.hash(&mut hasher);
        for name in &self.names {
            for value in request.headers.get_all(name) {
                value.as_bytes().hash(&mut hasher);
            }
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }

    /// What was worked out of an equal request.
    pub(super) fn recall(&self, print: u64, request: &AcquireRequest) -> Option<Arc<Resolved>> {
        let known = self.known.get(&print)?;
        self.is_same(&known, request)
            .then(|| Arc::clone(&known.resolved))
    }

    pub(super) fn learn(&self, print: u64, request: &AcquireRequest, resolved: Arc<Resolved>) {
        let known = Known {
            endpoint: request.endpoint.clone(),
            principal: request.principal.clone(),
            scope: request.scope.clone(),
            headers: Arc::clone(&request.headers),
            handlers: request.handlers.clone(),
            resolved,
        };
        self.known.insert(print, Arc::new(known));
    }

    fn is_same(&self, known: &Known, request: &AcquireRequest) -> bool {
        let same_values = |name: &HeaderName| {
            known
                .headers
                .get_all(name)
                .iter()
                .eq(request.headers.get_all(name).iter())
        };
        let same_handlers = match (&known.handlers, &request.handlers) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        same_handlers
            && known.endpoint == request.endpoint
            && known.principal == request.principal
            && known.scope == request.scope
            && self.names.iter().all(same_values)
    }
}

/// For keys that are hashes already.
#[derive(Clone, Copy, Default)]
pub(super) struct PrehashedState;

/// Hands the key through.
#[derive(Clone, Copy, Default)]
pub(super) struct Prehashed(u64);

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
