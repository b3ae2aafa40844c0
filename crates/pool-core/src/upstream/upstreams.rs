//! The endpoints that a pool knows.

use std::sync::Arc;

use moka::sync::Cache;

use super::{
    breaker::BreakerPolicy,
    upstream::{CircuitListener, Upstream},
};
use crate::types::Endpoint;

/// The endpoints that a pool knows.
pub(crate) struct Upstreams {
    policy: BreakerPolicy,
    listener: Arc<dyn CircuitListener>,
    known: Cache<Address, Arc<Upstream>, foldhash::fast::RandomState>,
}

/// What makes two endpoints the same server.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Address(Box<str>);

impl Upstreams {
    pub(crate) fn new(policy: BreakerPolicy, listener: Arc<dyn CircuitListener>) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build_with_hasher(foldhash::fast::RandomState::default());
        Self {
            policy,
            listener,
            known,
        }
    }

    /// The upstream of an endpoint.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<Upstream> {
        let address = format!("{} {}", endpoint.transport(), endpoint.url());
        self.known.get_with(Address(address.into()), || {
            let listener = Arc::clone(&self.listener);
            Arc::new(Upstream::new(endpoint.clone(), self.policy, listener))
        })
    }

    /// Every known upstream, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        self.known.iter().map(|(_, upstream)| upstream).collect()
    }
}

/// An endpoint evicted for another one starts with a closed circuit; keys in use keep theirs.
const MAX_KNOWN: u64 = 10_000;
