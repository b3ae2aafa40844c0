//! One observer for two pools.

use std::collections::BTreeMap;

use mcp_pool_core::{PoolConfig, SessionPool};
use mcp_pool_telemetry::MetricsObserver;
use mcp_pool_testkit::server::CounterServer;
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use opentelemetry::{KeyValue, Value, metrics::MeterProvider};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, SdkMeterProvider,
    data::{AggregatedMetrics, Metric, MetricData},
};

use crate::life::request;

/// The values of a metric by pool, and by one more attribute if it is given.
type ByPool = BTreeMap<(String, String), i64>;

#[tokio::test]
async fn one_observer_counts_two_pools_under_their_own_names() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    let observer = MetricsObserver::new(&provider.meter("test"));
    let server = CounterServer::start();
    let first = pool("first", 3, observer.clone());
    let second = pool("second", 5, observer);

    drop(first.acquire(&request(server.endpoint())).await);
    drop(first.acquire(&request(server.endpoint())).await);
    let held = second.acquire(&request(server.endpoint())).await;
    provider.force_flush().expect("an export");

    let acquires = exported(&exporter, "mcp.pool.acquires", "mcp.pool.outcome");
    assert_eq!(
        acquires,
        by_pool([
            ("first", "hit", 1),
            ("first", "miss", 1),
            ("second", "hit", 0),
            ("second", "miss", 1),
        ])
    );
    let opened = exported(&exporter, "mcp.pool.session.create_time", "");
    assert_eq!(opened, by_pool([("first", "", 1), ("second", "", 1)]));
    let sessions = exported(
        &exporter,
        "mcp.pool.session.count",
        "mcp.pool.session.state",
    );
    assert_eq!(
        sessions,
        by_pool([
            ("first", "connecting", 0),
            ("first", "idle", 1),
            ("first", "used", 0),
            ("second", "connecting", 0),
            ("second", "idle", 0),
            ("second", "used", 1),
        ])
    );
    let limits = exported(&exporter, "mcp.pool.session.max", "");
    assert_eq!(limits, by_pool([("first", "", 3), ("second", "", 5)]));
    let other = first.limits().with_max_total_sessions(8);
    first.resize(other).expect("a valid limit");
    provider.force_flush().expect("an export");
    let limits = exported(&exporter, "mcp.pool.session.max", "");
    assert_eq!(limits, by_pool([("first", "", 8), ("second", "", 5)]));
    drop(held.expect("a session"));
}

fn pool(name: &str, max_total_sessions: usize, observer: MetricsObserver) -> SessionPool {
    let config = PoolConfig::default()
        .with_name(name)
        .with_max_total_sessions(max_total_sessions);
    SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .observer(observer)
        .build()
        .expect("a pool")
}

fn by_pool<const N: usize>(rows: [(&str, &str, i64); N]) -> ByPool {
    let rows = rows.map(|(pool, value, count)| ((pool.to_owned(), value.to_owned()), count));
    rows.into()
}

/// The last export of a metric: a value, or the number of records of a
/// histogram.
fn exported(exporter: &InMemoryMetricExporter, name: &str, attribute: &str) -> ByPool {
    let exports = exporter.get_finished_metrics().expect("the exports");
    let mut scopes = exports.last().expect("an export").scope_metrics();
    let metric = scopes.find_map(|scope| scope.metrics().find(|metric| metric.name() == name));
    let labels = |attributes: &mut dyn Iterator<Item = &KeyValue>| {
        let all: BTreeMap<_, _> = attributes
            .map(|a| (a.key.to_string(), a.value.clone()))
            .collect();
        let text = |key: &str| all.get(key).map_or_else(String::new, Value::to_string);
        (text("mcp.pool.name"), text(attribute))
    };
    match metric.map(Metric::data).expect("a metric of this name") {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|p| (labels(&mut p.attributes()), signed(p.value())))
            .collect(),
        AggregatedMetrics::I64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|p| (labels(&mut p.attributes()), p.value()))
            .collect(),
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|p| (labels(&mut p.attributes()), signed(p.count())))
            .collect(),
        _ => panic!("{name} is of another type"),
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("a small number")
}
