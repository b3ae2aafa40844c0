//! Counters for each upstream of a pool.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use mcp_pool_core::{Endpoint, extend::Era};
use opentelemetry::KeyValue;
use papaya::Equivalent;

use crate::{attributes::OTHER, names::attribute};

/// The counters of all upstreams, by pool name, transport, host and port.
///
/// Every acquire reads this map, without a lock or an allocation. Frequent
/// events are counted here in plain numbers; OpenTelemetry reads them when it
/// collects.
pub(crate) struct Upstreams(papaya::HashMap<Name, Arc<Upstream>, RandomState>);

/// The counters of one upstream.
pub(crate) struct Upstream {
    pub(crate) attributes: Box<[KeyValue]>,
    hits: AtomicU64,
    misses: AtomicU64,
    failures: Mutex<BTreeMap<&'static str, u64>>,
    /// The era that was last detected.
    era: AtomicU8,
}

/// The identity of an upstream, owned.
#[derive(PartialEq, Eq)]
struct Name {
    pool: Box<str>,
    transport: Box<str>,
    host: Box<str>,
    port: u16,
}

/// The identity of an upstream, borrowed.
#[derive(Clone, Copy)]
struct NameRef<'a> {
    pool: &'a str,
    transport: &'a str,
    host: &'a str,
    port: u16,
}

impl Upstreams {
    pub(crate) fn new() -> Self {
        Self(papaya::HashMap::with_hasher(RandomState::default()))
    }

    /// Calls `act` with an upstream. Upstreams beyond [`MAX_UPSTREAMS`] share one
    /// entry.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        pool: &str,
        endpoint: &Endpoint,
        act: impl FnOnce(&Upstream) -> R,
    ) -> R {
        let name = NameRef {
            pool,
            transport: endpoint.transport().as_str(),
            host: endpoint.host(),
            port: endpoint.port(),
        };
        let known = self.0.pin();
        if let Some(upstream) = known.get(&name) {
            return act(upstream);
        }
        let name = match known.len() < MAX_UPSTREAMS {
            true => name,
            false => NameRef {
                host: OTHER,
                port: 0,
                ..name
            },
        };
        act(known.get_or_insert_with(name.to_owned(), || Arc::new(Upstream::new(name))))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        self.0.pin().values().map(Arc::clone).collect()
    }
}

impl Upstream {
    fn new(name: NameRef<'_>) -> Self {
        let mut attributes = vec![
            shared(attribute::POOL, name.pool),
            shared(attribute::TRANSPORT, name.transport),
            shared(attribute::SERVER_ADDRESS, name.host),
        ];
        if name.host != OTHER {
            attributes.push(KeyValue::new(attribute::SERVER_PORT, i64::from(name.port)));
        }
        Self {
            attributes: attributes.into(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            failures: Mutex::default(),
            era: AtomicU8::new(UNKNOWN),
        }
    }

    /// The attributes of the upstream and `more`.
    pub(crate) fn and<const N: usize>(&self, more: [KeyValue; N]) -> Vec<KeyValue> {
        let mut all = Vec::with_capacity(self.attributes.len() + N);
        all.extend_from_slice(&self.attributes);
        all.extend(more);
        all
    }

    #[inline]
    pub(crate) fn count_acquire(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self, kind: &'static str) {
        *self.failures().entry(kind).or_default() += 1;
    }

    /// The number of acquires by outcome.
    pub(crate) fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let mut outcomes = vec![
            ("hit", self.hits.load(Ordering::Relaxed)),
            ("miss", self.misses.load(Ordering::Relaxed)),
        ];
        outcomes.extend(self.failures().iter().map(|(kind, count)| (*kind, *count)));
        outcomes
    }

    /// Stores the era of the server. Returns true if it has changed.
    pub(crate) fn set_era(&self, era: Era) -> bool {
        let era = match era {
            Era::Legacy => 1,
            Era::Stateless => 2,
            _ => 3,
        };
        self.era.swap(era, Ordering::Relaxed) != era
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NameRef<'_> {
    fn to_owned(self) -> Name {
        Name {
            pool: self.pool.into(),
            transport: self.transport.into(),
            host: self.host.into(),
            port: self.port,
        }
    }
}

impl Name {
    fn borrow(&self) -> NameRef<'_> {
        NameRef {
            pool: &self.pool,
            transport: &self.transport,
            host: &self.host,
            port: self.port,
        }
    }
}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pool.hash(state);
        self.transport.hash(state);
        self.host.hash(state);
        self.port.hash(state);
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrow().hash(state);
    }
}

impl Equivalent<Name> for NameRef<'_> {
    fn equivalent(&self, name: &Name) -> bool {
        self.port == name.port
            && *self.host == *name.host
            && *self.transport == *name.transport
            && *self.pool == *name.pool
    }
}

/// An attribute with a value that is cheap to clone.
fn shared(key: &'static str, value: &str) -> KeyValue {
    KeyValue::new(key, Arc::<str>::from(value))
}

/// The number of time series that OpenTelemetry keeps of a metric by default.
pub(crate) const MAX_UPSTREAMS: usize = 2_000;

const UNKNOWN: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_beyond_the_limit_share_one_entry() {
        let upstreams = Upstreams::new();
        for number in 0..MAX_UPSTREAMS + 10 {
            let url = format!("http://host-{number}/mcp");
            let endpoint = Endpoint::streamable_http(&url).unwrap();
            upstreams.with("pool", &endpoint, |upstream| upstream.count_acquire(true));
        }
        let all = upstreams.all();
        assert_eq!(all.len(), MAX_UPSTREAMS + 1);
        let hits = |upstream: &Arc<Upstream>| upstream.outcomes()[0].1;
        assert_eq!(all.iter().map(hits).max(), Some(10));
    }

    #[test]
    fn paths_and_queries_of_one_server_are_one_upstream() {
        let upstreams = Upstreams::new();
        for url in ["http://a/mcp", "http://a/other?key=secret", "http://a:80/"] {
            let endpoint = Endpoint::streamable_http(url).unwrap();
            upstreams.with("pool", &endpoint, |upstream| upstream.count_acquire(false));
        }
        assert_eq!(upstreams.all().len(), 1);
        assert_eq!(upstreams.all()[0].outcomes()[1], ("miss", 3));
    }

    #[test]
    fn an_era_changes_once() {
        let upstream = Upstream::new(NameRef {
            pool: "pool",
            transport: "sse",
            host: "host",
            port: 80,
        });
        assert!(upstream.set_era(Era::Legacy));
        assert!(!upstream.set_era(Era::Legacy));
        assert!(upstream.set_era(Era::Stateless));
    }
}
