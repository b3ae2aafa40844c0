//! What all keys of one endpoint share: the circuit breaker.

use std::sync::Arc;

use moka::sync::Cache;
use tokio::time::Instant;

use crate::{
    Endpoint,
    breaker::{Breaker, BreakerPolicy},
};

/// What all keys of one endpoint share.
pub(crate) struct Upstream {
    pub(crate) endpoint: Endpoint,
    pub(crate) breaker: Breaker,
}

/// The endpoints a pool knows.
pub(crate) struct Upstreams {
    policy: BreakerPolicy,
    known: Cache<Address, Arc<Upstream>, foldhash::fast::RandomState>,
}

/// What makes two endpoints the same server.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Address(Box<str>);

impl Upstreams {
    pub(crate) fn new(policy: BreakerPolicy) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build_with_hasher(foldhash::fast::RandomState::default());
        Self { policy, known }
    }

    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<Upstream> {
        let address = format!("{} {}", endpoint.transport(), endpoint.url());
        self.known.get_with(Address(address.into()), || {
            Arc::new(Upstream {
                endpoint: endpoint.clone(),
                breaker: Breaker::new(self.policy, Instant::now()),
            })
        })
    }

    /// Every endpoint the pool knows, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        self.known.iter().map(|(_, upstream)| upstream).collect()
    }
}

/// An endpoint forgotten for another one starts with a closed circuit; keys in use keep theirs.
const MAX_KNOWN: u64 = 10_000;
