//! The table of metrics.

use std::collections::{BTreeMap, BTreeSet};

use mcp_pool_telemetry::MetricsObserver;
use opentelemetry::{KeyValue, metrics::MeterProvider};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, SdkMeterProvider,
    data::{AggregatedMetrics, MetricData, ResourceMetrics},
};
use opentelemetry_semantic_conventions::{attribute, metric};

use crate::{life, table};

/// The exported data of a metric.
#[derive(Default)]
struct Exported {
    kind: String,
    unit: String,
    /// The keys of each point's attributes.
    points: Vec<BTreeSet<String>>,
}

type ByName = BTreeMap<String, Exported>;

#[tokio::test]
async fn every_metric_matches_its_row_and_every_row_is_exported() {
    let exported = exported().await;
    let table = table::below("Metrics");
    let names = |of: Vec<&String>| of.into_iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        names(exported.keys().collect()),
        names(table.keys().collect())
    );
    for (name, row) in &table {
        let exported = &exported[name];
        assert_eq!(exported.kind, row.kind, "{name}");
        assert_eq!(exported.unit, row.unit, "{name}");
        let all: BTreeSet<_> = exported.points.iter().flatten().cloned().collect();
        assert_eq!(all, row.attributes(), "{name}");
        for point in &exported.points {
            let missing: Vec<_> = row.always.difference(point).collect();
            assert!(missing.is_empty(), "{name} lacks {missing:?}");
        }
    }
}

#[test]
#[expect(
    deprecated,
    reason = "the conventions for MCP have moved to another repository, with the names they had"
)]
fn names_without_the_prefix_are_those_of_the_conventions() {
    let table = table::below("Metrics");
    for name in [
        metric::MCP_CLIENT_OPERATION_DURATION,
        metric::MCP_CLIENT_SESSION_DURATION,
    ] {
        assert!(table.contains_key(name), "{name}");
    }
    let known = [
        attribute::ERROR_TYPE,
        attribute::MCP_METHOD_NAME,
        attribute::MCP_PROTOCOL_VERSION,
        attribute::MCP_SESSION_ID,
        attribute::NETWORK_PROTOCOL_NAME,
        attribute::NETWORK_TRANSPORT,
        attribute::RPC_RESPONSE_STATUS_CODE,
        attribute::SERVER_ADDRESS,
        attribute::SERVER_PORT,
        attribute::GEN_AI_OPERATION_NAME,
        attribute::GEN_AI_PROMPT_NAME,
        attribute::GEN_AI_TOOL_NAME,
        attribute::JSONRPC_REQUEST_ID,
    ];
    let spans = table::below("Spans");
    for row in table.values().chain(spans.values()) {
        for attribute in row.attributes() {
            let own = attribute.starts_with("mcp.pool.");
            assert!(own || known.contains(&attribute.as_str()), "{attribute}");
        }
    }
}

async fn exported() -> ByName {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    let observer = MetricsObserver::new(&provider.meter("test"));
    life::live(observer, || provider.force_flush().expect("an export")).await;
    let mut by_name = ByName::new();
    for export in exporter.get_finished_metrics().expect("the exports") {
        add(&mut by_name, &export);
    }
    by_name
}

fn add(by_name: &mut ByName, export: &ResourceMetrics) {
    for metric in export.scope_metrics().flat_map(|scope| scope.metrics()) {
        let exported = by_name.entry(metric.name().to_owned()).or_default();
        metric.unit().clone_into(&mut exported.unit);
        match metric.data() {
            AggregatedMetrics::F64(data) => exported.add(data),
            AggregatedMetrics::I64(data) => exported.add(data),
            AggregatedMetrics::U64(data) => exported.add(data),
        }
    }
}

impl Exported {
    fn add<T: Copy>(&mut self, data: &MetricData<T>) {
        let kind = match data {
            MetricData::Sum(sum) => {
                let points = sum.data_points();
                self.points.extend(points.map(|p| keys(p.attributes())));
                if sum.is_monotonic() {
                    "counter"
                } else {
                    "updowncounter"
                }
            }
            MetricData::Gauge(gauge) => {
                let points = gauge.data_points();
                self.points.extend(points.map(|p| keys(p.attributes())));
                "gauge"
            }
            MetricData::Histogram(histogram) => {
                let points = histogram.data_points();
                self.points.extend(points.map(|p| keys(p.attributes())));
                "histogram"
            }
            MetricData::ExponentialHistogram(_) => "exponential histogram",
        };
        kind.clone_into(&mut self.kind);
    }
}

fn keys<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> BTreeSet<String> {
    attributes
        .map(|attribute| attribute.key.to_string())
        .collect()
}
