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
use opentelemetry::{KeyValue, metrics::Histogram};
use papaya::Equivalent;

use crate::{attributes::OTHER, names::attribute, uses::Uses};

/// The counters of all upstreams, by pool name, transport and name.
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
    uses: Uses,
    /// The era that was last detected.
    era: AtomicU8,
}

/// The identity of an upstream, owned.
#[derive(PartialEq, Eq)]
struct Name {
    pool: Box<str>,
    transport: Box<str>,
    upstream: Box<str>,
}

/// The identity of an upstream, borrowed.
#[derive(Clone, Copy)]
struct NameRef<'a> {
    pool: &'a str,
    transport: &'a str,
    upstream: &'a str,
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
            upstream: endpoint.upstream(),
        };
        let known = self.0.pin();
        if let Some(upstream) = known.get(&name) {
            return act(upstream);
        }
        let (name, server) = match known.len() < MAX_UPSTREAMS {
            true => (name, Some(endpoint)),
            false => {
                let upstream = OTHER;
                (NameRef { upstream, ..name }, None)
            }
        };
        let upstream = || Arc::new(Upstream::new(name, server));
        act(known.get_or_insert_with(name.to_owned(), upstream))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        self.0.pin().values().map(Arc::clone).collect()
    }
}

impl Upstream {
    /// The upstream of this name, with the address of `server`; `None` for those that share an entry.
    fn new(name: NameRef<'_>, server: Option<&Endpoint>) -> Self {
        let mut attributes = vec![
            shared(attribute::POOL, name.pool),
            shared(attribute::TRANSPORT, name.transport),
            shared(attribute::UPSTREAM, name.upstream),
            shared(
                attribute::SERVER_ADDRESS,
                server.map_or(OTHER, Endpoint::host),
            ),
        ];
        if let Some(server) = server {
            attributes.push(KeyValue::new(
                attribute::SERVER_PORT,
                i64::from(server.port()),
            ));
        }
        Self {
            attributes: attributes.into(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            failures: Mutex::default(),
            uses: Uses::default(),
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

    /// Records a use of a session, in seconds. The histogram is the same each time.
    #[inline]
    pub(crate) fn record_use(&self, histogram: &Histogram<f64>, used_for: f64) {
        self.uses.record(histogram, &self.attributes, used_for);
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
            upstream: self.upstream.into(),
        }
    }
}

impl Name {
    fn borrow(&self) -> NameRef<'_> {
        NameRef {
            pool: &self.pool,
            transport: &self.transport,
            upstream: &self.upstream,
        }
    }
}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pool.hash(state);
        self.transport.hash(state);
        self.upstream.hash(state);
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrow().hash(state);
    }
}

impl Equivalent<Name> for NameRef<'_> {
    fn equivalent(&self, name: &Name) -> bool {
        *self.upstream == *name.upstream
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
    fn gateway_entries_and_paths_are_upstreams_of_their_own_and_queries_are_not() {
        let upstreams = Upstreams::new();
        let at = |url: &str| Endpoint::streamable_http(url).unwrap();
        for endpoint in [
            at("http://a/mcp"),
            at("http://a:80/mcp?key=secret"),
            at("http://a/other"),
            at("http://a/mcp").with_gateway("search"),
            at("http://b/mcp").with_gateway("search"),
        ] {
            upstreams.with("pool", &endpoint, |upstream| upstream.count_acquire(false));
        }
        let all = upstreams.all();
        let mut misses: Vec<_> = all.iter().map(|it| it.outcomes()[1].1).collect();
        misses.sort_unstable();
        assert_eq!(misses, [1, 2, 2]);
        let shown = format!(
            "{:?}",
            all.iter().map(|it| &it.attributes).collect::<Vec<_>>()
        );
        assert!(
            shown.contains("search") && !shown.contains("secret"),
            "{shown}"
        );
        assert!(
            !shown.contains("/mcp") && !shown.contains("/other"),
            "{shown}"
        );
    }

    #[test]
    fn an_era_changes_once() {
        let name = NameRef {
            pool: "pool",
            transport: "sse",
            upstream: "host:80",
        };
        let upstream = Upstream::new(name, None);
        assert!(upstream.set_era(Era::Legacy));
        assert!(!upstream.set_era(Era::Legacy));
        assert!(upstream.set_era(Era::Stateless));
    }
}
