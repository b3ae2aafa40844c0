//! The instruments that read the pools when OpenTelemetry collects.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use mcp_pool_core::{WeakPool, config::PoolLimits};
use opentelemetry::{KeyValue, metrics::Meter};

use crate::{
    attributes::word,
    names::{self, attribute},
    row::{Row, number},
    upstreams::Upstreams,
};

/// The pools that the instruments read.
#[derive(Clone)]
pub(crate) struct Gauges {
    pools: Arc<Mutex<Vec<WeakPool>>>,
    upstreams: Arc<Upstreams>,
    latest: Arc<Mutex<Latest>>,
}

/// The last reading. One reading serves all instruments of a collection: the
/// first instrument that requests it a second time starts a new one.
#[derive(Default)]
struct Latest {
    reading: Arc<Reading>,
    served: HashSet<&'static str>,
}

/// The state of all pools.
#[derive(Default)]
struct Reading {
    upstreams: Vec<Row>,
    pools: Vec<(KeyValue, PoolLimits)>,
    /// Messages of servers beyond the bounds, by kind.
    refused: Vec<([KeyValue; 2], u64)>,
}

impl Gauges {
    pub(crate) fn new(upstreams: Arc<Upstreams>) -> Self {
        Self {
            pools: Arc::default(),
            upstreams,
            latest: Arc::default(),
        }
    }

    /// Adds a pool. It is read as long as it lives.
    pub(crate) fn watch(&self, pool: &WeakPool) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.push(pool.clone());
    }

    /// Registers the instruments.
    pub(crate) fn register(&self, meter: &Meter) {
        self.register_counter(meter);
        self.register_refused(meter);
        self.register_states(meter);
        self.register_levels(meter);
        self.register_limits(meter);
    }

    fn register_counter(&self, meter: &Meter) {
        let upstreams = Arc::clone(&self.upstreams);
        meter
            .u64_observable_counter(names::ACQUIRES)
            .with_unit("{acquire}")
            .with_description("Attempts to get a session, by outcome")
            .with_callback(move |observe| {
                for upstream in upstreams.all() {
                    for (outcome, count) in upstream.outcomes() {
                        let outcome = word(attribute::OUTCOME, outcome);
                        observe.observe(count, &upstream.and([outcome]));
                    }
                }
            })
            .build();
    }

    fn register_refused(&self, meter: &Meter) {
        let gauges = self.clone();
        meter
            .u64_observable_counter(names::SERVER_MESSAGES_REFUSED)
            .with_unit("{message}")
            .with_description("Messages of servers beyond the bounds of their sessions, by kind")
            .with_callback(move |observe| {
                for (attributes, count) in &gauges.read(names::SERVER_MESSAGES_REFUSED).refused {
                    observe.observe(*count, attributes);
                }
            })
            .build();
    }

    fn register_states(&self, meter: &Meter) {
        let gauges = self.clone();
        meter
            .i64_observable_up_down_counter(names::SESSION_COUNT)
            .with_unit("{session}")
            .with_description("Sessions by state")
            .with_callback(move |observe| {
                for row in &gauges.read(names::SESSION_COUNT).upstreams {
                    row.observe_states(observe);
                }
            })
            .build();
    }

    /// The instruments with one number for each upstream.
    fn register_levels(&self, meter: &Meter) {
        type Level = fn(&Row) -> i64;
        let levels: [(&'static str, &'static str, &'static str, Level); 2] = [
            (
                names::SESSION_PENDING,
                "{request}",
                "Callers that wait for a session",
                |row| row.waiting,
            ),
            (names::KEY_COUNT, "{key}", "Keys known", |row| row.keys),
        ];
        for (name, unit, description, level) in levels {
            let gauges = self.clone();
            meter
                .i64_observable_up_down_counter(name)
                .with_unit(unit)
                .with_description(description)
                .with_callback(move |observe| {
                    for row in &gauges.read(name).upstreams {
                        observe.observe(level(row), &row.attributes);
                    }
                })
                .build();
        }
        let gauges = self.clone();
        meter
            .i64_observable_gauge(names::BREAKER_STATE)
            .with_unit("{state}")
            .with_description("State of the circuit: 0 closed, 1 half open, 2 open")
            .with_callback(move |observe| {
                for row in &gauges.read(names::BREAKER_STATE).upstreams {
                    observe.observe(row.breaker, &row.attributes);
                }
            })
            .build();
    }

    /// The instruments with one number for each pool. A limit of 0 means no
    /// limit and is not recorded.
    fn register_limits(&self, meter: &Meter) {
        type Limit = fn(&PoolLimits) -> Option<usize>;
        let limits: [(&'static str, &'static str, &'static str, Limit); 4] = [
            (
                names::SESSION_MAX,
                "{session}",
                "The limit of sessions",
                |limits| above_zero(limits.max_total_sessions),
            ),
            (
                names::SESSION_IDLE_MAX,
                "{session}",
                "The limit of idle sessions: that of all sessions",
                |limits| above_zero(limits.max_total_sessions),
            ),
            (
                names::SESSION_IDLE_MIN,
                "{session}",
                "The least number of idle sessions: always 0",
                |_| Some(0),
            ),
            (names::KEY_MAX, "{key}", "The limit of keys", |limits| {
                above_zero(limits.max_total_keys)
            }),
        ];
        for (name, unit, description, limit) in limits {
            let gauges = self.clone();
            meter
                .i64_observable_up_down_counter(name)
                .with_unit(unit)
                .with_description(description)
                .with_callback(move |observe| {
                    for (pool, limits) in &gauges.read(name).pools {
                        if let Some(max) = limit(limits) {
                            observe.observe(number(max), std::slice::from_ref(pool));
                        }
                    }
                })
                .build();
        }
    }

    /// The state of the pools in this collection.
    fn read(&self, instrument: &'static str) -> Arc<Reading> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = latest.served.is_empty();
        if !latest.served.insert(instrument) || is_first {
            latest.reading = Arc::new(self.take_reading());
            latest.served.clear();
            latest.served.insert(instrument);
        }
        Arc::clone(&latest.reading)
    }

    fn take_reading(&self) -> Reading {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.upgrade().is_some());
        let alive: Vec<_> = pools.iter().filter_map(WeakPool::upgrade).collect();
        drop(pools);
        let mut reading = Reading::default();
        for pool in alive {
            let name = &pool.config().name;
            let mut rows: HashMap<usize, Row> = HashMap::new();
            for stats in pool.endpoint_stats() {
                self.upstreams.with(name, &stats.endpoint, |upstream| {
                    let address = std::ptr::from_ref(upstream).addr();
                    let row = rows
                        .entry(address)
                        .or_insert_with(|| Row::of(&upstream.attributes));
                    row.add(&stats);
                });
            }
            reading.upstreams.extend(rows.into_values());
            let label = KeyValue::new(attribute::POOL, name.clone());
            let stats = pool.stats();
            reading.refused.extend(
                [
                    ("request", stats.server_requests_refused),
                    ("notification", stats.server_notifications_dropped),
                ]
                .map(|(kind, count)| {
                    (
                        [label.clone(), word(attribute::SERVER_MESSAGE, kind)],
                        count,
                    )
                }),
            );
            reading.pools.push((label, pool.limits()));
        }
        reading
    }
}

fn above_zero(max: usize) -> Option<usize> {
    (max > 0).then_some(max)
}
