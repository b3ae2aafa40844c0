//! The observer.

use std::{fmt, sync::Arc};

use mcp_pool_core::{
    PoolKey, WeakPool,
    event::{
        AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, Closed,
        ConnectFailed, Connected, Detected, KeyCreated, KeyEvicted, LeaseOverdue, ListChanged,
        PartlyRead, QuotaReached, Released, ServerStreamChanged, ToolsListed,
    },
    extend::Observer,
};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Meter},
};

use crate::{
    attributes::{is_failure, method, push_error, timeout_stage, version, word},
    gauges::Gauges,
    histograms::Instruments,
    names::attribute,
    upstreams::{Upstream, Upstreams},
};

/// Records the events and states of pools as OpenTelemetry metrics.
///
/// The documentation of the crate lists every metric.
///
/// One observer serves several pools: make one for a meter and give a clone to each pool. A clone is
/// cheap and shares the instruments. Every metric has the attribute `mcp.pool.name`, so give each pool a
/// name of its own (`PoolConfig::with_name`). Pools of one name share their counters, and their gauges
/// overwrite each other.
///
/// ```
/// use mcp_pool_core::{PoolConfig, SessionPool, error::ConfigError};
/// use mcp_pool_telemetry::MetricsObserver;
///
/// # fn build() -> Result<(), ConfigError> {
/// let observer = MetricsObserver::new(&opentelemetry::global::meter("gateway"));
/// let users = SessionPool::builder()
///     .config(PoolConfig::default().with_name("users"))
///     .observer(observer.clone())
///     .build()?;
/// let jobs = SessionPool::builder()
///     .config(PoolConfig::default().with_name("jobs"))
///     .observer(observer)
///     .build()?;
/// # Ok(())
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// #     build().unwrap();
/// # }
/// ```
#[derive(Clone)]
pub struct MetricsObserver(Arc<Inner>);

struct Inner {
    upstreams: Arc<Upstreams>,
    instruments: Instruments,
    gauges: Gauges,
}

impl Inner {
    /// Counts one more for the upstream of a key.
    fn count<const N: usize>(
        &self,
        pool: &str,
        key: &PoolKey,
        counter: &Counter<u64>,
        more: [KeyValue; N],
    ) {
        self.upstreams.with(pool, key.endpoint(), |upstream| {
            counter.add(1, &upstream.and(more));
        });
    }
}

impl MetricsObserver {
    /// An observer that records to the instruments of this meter.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let upstreams = Arc::new(Upstreams::new());
        let gauges = Gauges::new(Arc::clone(&upstreams));
        gauges.register(meter);
        Self(Arc::new(Inner {
            upstreams,
            instruments: Instruments::new(meter),
            gauges,
        }))
    }
}

impl fmt::Debug for MetricsObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsObserver").finish_non_exhaustive()
    }
}

impl Observer for MetricsObserver {
    fn built(&self, event: &Built<'_>) {
        if let Some(pool) = WeakPool::of(event) {
            self.0.gauges.watch(&pool);
        }
    }

    #[inline]
    fn acquired(&self, event: &Acquired<'_>) {
        let endpoint = event.key().endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            upstream.count_acquire(event.hit());
            if !event.waited().is_zero() {
                let waited = event.waited().as_secs_f64();
                let outcome = if event.hit() { "hit" } else { "miss" };
                let attributes = upstream.and([word(attribute::OUTCOME, outcome)]);
                self.0.instruments.wait.record(waited, &attributes);
            }
        });
    }

    fn acquire_failed(&self, event: &AcquireFailed<'_>) {
        let (instruments, error) = (&self.0.instruments, event.error());
        let endpoint = event.endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            upstream.count_failure(error.label());
            let attributes = upstream.and([word(attribute::OUTCOME, error.label())]);
            let histogram = &instruments.wait;
            histogram.record(event.waited().as_secs_f64(), &attributes);
            if let Some(stage) = timeout_stage(error) {
                let attributes = upstream.and([word(attribute::STAGE, stage)]);
                instruments.counts.timeouts.add(1, &attributes);
            }
        });
    }

    #[inline]
    fn released(&self, event: &Released<'_>) {
        if !event.used() {
            return;
        }
        let endpoint = event.key().endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            let used_for = event.used_for().as_secs_f64();
            upstream.record_use(&self.0.instruments.used, used_for);
        });
    }

    fn connected(&self, event: &Connected<'_>) {
        let (instruments, endpoint) = (&self.0.instruments, event.key().endpoint());
        let (era, took) = (event.session().era, event.took().as_secs_f64());
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            let era_word = word(attribute::ERA, era.as_str());
            let revived = KeyValue::new(attribute::REVIVED, event.revived());
            let attributes = upstream.and([era_word.clone(), revived]);
            instruments.create.record(took, &attributes);
            if upstream.set_era(era) {
                instruments.counts.eras.add(1, &upstream.and([era_word]));
            }
        });
    }

    fn connect_failed(&self, event: &ConnectFailed<'_>) {
        let kind = event.error().kind().label();
        let endpoint = event.key().endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            let attributes = upstream.and([word(attribute::ERROR_TYPE, kind)]);
            let histogram = &self.0.instruments.create;
            histogram.record(event.took().as_secs_f64(), &attributes);
        });
    }

    fn detected(&self, event: &Detected<'_>) {
        let endpoint = event.endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            let mut attributes = upstream.attributes.to_vec();
            if let Some(found) = event.transport() {
                let found = found.as_str().to_owned();
                attributes.push(KeyValue::new(attribute::TRANSPORT_FOUND, found));
            }
            if let Some(error) = event.error() {
                attributes.push(word(attribute::ERROR_TYPE, error.label()));
            }
            let histogram = &self.0.instruments.detection;
            histogram.record(event.took().as_secs_f64(), &attributes);
        });
    }

    fn checked(&self, event: &Checked<'_>) {
        let outcome = event.error().map_or("alive", |error| error.label());
        let endpoint = event.key().endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            let attributes = upstream.and([word(attribute::OUTCOME, outcome)]);
            let histogram = &self.0.instruments.check;
            histogram.record(event.took().as_secs_f64(), &attributes);
        });
    }

    fn closed(&self, event: &Closed<'_>) {
        let instruments = &self.0.instruments;
        let (reason, session) = (event.reason(), event.session());
        let endpoint = event.key().endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            let farewell = event.outcome().as_str();
            let attributes = upstream.and([
                word(attribute::REASON, reason.as_str()),
                word(attribute::FAREWELL, farewell),
                word(attribute::ERA, session.era.as_str()),
            ]);
            instruments.counts.closed.add(1, &attributes);
            let mut attributes = upstream.and([
                version(&session.protocol_version),
                word(attribute::NETWORK_PROTOCOL, "http"),
            ]);
            if is_failure(reason) {
                attributes.push(word(attribute::ERROR_TYPE, reason.as_str()));
            }
            let histogram = &instruments.session;
            histogram.record(event.age().as_secs_f64(), &attributes);
        });
    }

    fn key_created(&self, event: &KeyCreated<'_>) {
        let counter = &self.0.instruments.counts.keys_created;
        self.0.count(event.pool(), event.key(), counter, []);
    }

    fn key_evicted(&self, event: &KeyEvicted<'_>) {
        let reason = word(attribute::REASON, event.reason().as_str());
        let counter = &self.0.instruments.counts.keys_evicted;
        self.0.count(event.pool(), event.key(), counter, [reason]);
    }

    fn breaker_changed(&self, event: &BreakerChanged<'_>) {
        let state = word(attribute::BREAKER_STATE, event.after().as_str());
        let counter = &self.0.instruments.counts.breaker;
        let add = |upstream: &Upstream| counter.add(1, &upstream.and([state.clone()]));
        self.0.upstreams.with(event.pool(), event.endpoint(), add);
    }

    fn list_changed(&self, event: &ListChanged<'_>) {
        let list = word(attribute::LIST, event.list().as_str());
        let counter = &self.0.instruments.counts.list_changes;
        self.0.count(event.pool(), event.key(), counter, [list]);
    }

    fn tools_listed(&self, event: &ToolsListed<'_>) {
        let outcome = word(attribute::OUTCOME, if event.hit() { "hit" } else { "miss" });
        let counter = &self.0.instruments.counts.tool_lists;
        self.0.count(event.pool(), event.key(), counter, [outcome]);
    }

    fn partly_read(&self, event: &PartlyRead<'_>) {
        let left_out = u64::try_from(event.left_out()).unwrap_or(u64::MAX);
        let method = word(attribute::METHOD, method(event.method()));
        let counter = &self.0.instruments.counts.left_out;
        let endpoint = event.key().endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            counter.add(left_out, &upstream.and([method]));
        });
    }

    fn lease_overdue(&self, event: &LeaseOverdue<'_>) {
        let counter = &self.0.instruments.counts.overdue;
        self.0.count(event.pool(), event.key(), counter, []);
    }

    fn quota_reached(&self, event: &QuotaReached<'_>) {
        let quota = word(attribute::QUOTA, event.quota().as_str());
        let counter = &self.0.instruments.counts.quota_waits;
        self.0.count(event.pool(), event.key(), counter, [quota]);
    }

    fn server_stream_changed(&self, event: &ServerStreamChanged<'_>) {
        let state = word(attribute::SERVER_STREAM_STATE, event.after().as_str());
        let counter = &self.0.instruments.counts.streams;
        self.0.count(event.pool(), event.key(), counter, [state]);
    }

    fn call_finished(&self, event: &CallFinished<'_>) {
        let endpoint = event.key().endpoint();
        self.0.upstreams.with(event.pool(), endpoint, |upstream| {
            let mut attributes = upstream.and([
                word(attribute::METHOD, method(event.method())),
                word(attribute::NETWORK_PROTOCOL, "http"),
                word(attribute::NETWORK_TRANSPORT, "tcp"),
            ]);
            if let Some(session) = event.session() {
                attributes.push(version(&session.protocol_version));
            }
            push_error(&mut attributes, event);
            let sent_for = event.took().saturating_sub(event.waited());
            let histogram = &self.0.instruments.operation;
            histogram.record(sent_for.as_secs_f64(), &attributes);
        });
    }
}
