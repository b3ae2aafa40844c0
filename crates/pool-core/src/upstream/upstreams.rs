//! The endpoints that a pool knows.

use std::sync::Arc;

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
        }
    }

    /// The upstream of an endpoint.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<Upstream> {
        let address = format!("{} {}", endpoint.transport(), endpoint.url());
        self.known.get_with(Address(address.into()), || {
            let host = Arc::clone(&self.host);
            Upstream::new(endpoint.clone(), self.policy, host)
        })
    }

    /// Ends all work for upstreams: the pool closes.
    pub(crate) fn close(&self) {
        for upstream in self.all() {
            upstream.close();
        }
    }

    /// Every known upstream, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        self.known.iter().map(|(_, upstream)| upstream).collect()
    }
}

/// An endpoint evicted for another one starts with a closed circuit; keys in use keep theirs.
const MAX_KNOWN: u64 = 10_000;
