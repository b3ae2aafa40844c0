//! What all keys of one endpoint share: the circuit breaker, and what its server turned out to be.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use moka::sync::Cache;
use tokio::time::Instant;

use crate::{
    Endpoint,
    breaker::{Breaker, BreakerPolicy},
    extend::Era,
};

/// What all keys of one endpoint share.
pub(crate) struct Upstream {
    pub(crate) endpoint: Endpoint,
    pub(crate) breaker: Breaker,
    /// The era of the newest session.
    era: AtomicU8,
}

impl Upstream {
    /// The era of the newest session with the endpoint, if there was one.
    pub(crate) fn era(&self) -> Option<Era> {
        match self.era.load(Ordering::Relaxed) {
            LEGACY => Some(Era::Legacy),
            STATELESS => Some(Era::Stateless),
            _ => None,
        }
    }

    pub(crate) fn note_era(&self, era: Era) {
        let code = match era {
            Era::Legacy => LEGACY,
            Era::Stateless => STATELESS,
        };
        self.era.store(code, Ordering::Relaxed);
    }
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
                era: AtomicU8::new(UNKNOWN),
            })
        })
    }

    /// Every endpoint the pool knows, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        self.known.iter().map(|(_, upstream)| upstream).collect()
    }
}

const UNKNOWN: u8 = 0;
const LEGACY: u8 = 1;
const STATELESS: u8 = 2;

/// An endpoint forgotten for another one starts with a closed circuit; keys in use keep theirs.
const MAX_KNOWN: u64 = 10_000;
