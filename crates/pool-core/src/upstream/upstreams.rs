//! The endpoints that a pool knows.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use moka::sync::Cache;

use super::{
    circuit::CircuitPolicy,
    upstream::{CircuitHost, Upstream},
};
use crate::types::Endpoint;

/// The endpoints that a pool knows.
pub(crate) struct Upstreams {
    policy: CircuitPolicy,
    host: Arc<dyn CircuitHost>,
    known: Cache<Address, Arc<Upstream>, foldhash::fast::RandomState>,
    alive: Mutex<Alive>,
}

/// Every upstream that is in use, also one that the cache has evicted.
#[derive(Default)]
struct Alive {
    upstreams: Vec<Weak<Upstream>>,
    /// The number of entries at which those that are gone are removed.
    next_cleaning: usize,
}

/// What makes two endpoints the same server.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Address(Box<str>);

impl Upstreams {
    pub(crate) fn new(policy: CircuitPolicy, host: Arc<dyn CircuitHost>) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build_with_hasher(foldhash::fast::RandomState::default());
        Self {
            policy,
            host,
            known,
            alive: Mutex::default(),
        }
    }

    /// The upstream of an endpoint.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<Upstream> {
        let address = format!("{} {}", endpoint.transport(), endpoint.url());
        self.known.get_with(Address(address.into()), || {
            let host = Arc::clone(&self.host);
            let upstream = Upstream::new(endpoint.clone(), self.policy, host);
            let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
            alive.add(&upstream);
            upstream
        })
    }

    /// Ends all work for upstreams: the pool closes.
    pub(crate) fn close(&self) {
        for upstream in self.all() {
            upstream.close();
        }
    }

    /// Every upstream that is known or in use, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        alive.upstreams.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Alive {
    fn add(&mut self, upstream: &Arc<Upstream>) {
        if self.upstreams.len() >= self.next_cleaning {
            self.upstreams.retain(|known| known.strong_count() > 0);
            self.next_cleaning = (2 * self.upstreams.len()).max(MIN_CLEANING);
        }
        self.upstreams.push(Arc::downgrade(upstream));
    }
}

const MIN_CLEANING: usize = 64;

/// An endpoint evicted for another one starts with a closed circuit; keys in use keep theirs.
const MAX_KNOWN: u64 = 10_000;
