//! The metrics in Prometheus.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use ::prometheus::{Registry, proto::MetricType};
use mcp_pool_telemetry::MetricsObserver;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::{life, table};

#[tokio::test]
async fn every_metric_has_the_name_that_prometheus_expects() {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build()
        .expect("an exporter");
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();
    let seen = Mutex::new(BTreeMap::new());
    let observer = MetricsObserver::new(&provider.meter("test"));
    life::live(observer, || {
        for family in registry.gather() {
            let kind = match family.get_field_type() {
                MetricType::COUNTER => "counter",
                MetricType::GAUGE => "gauge",
                MetricType::HISTOGRAM => "histogram",
                _ => "another",
            };
            let mut seen = seen.lock().expect("no thread panics with it");
            seen.insert(family.name().to_owned(), kind);
        }
    })
    .await;
    let mut seen = seen.into_inner().expect("no thread panicked with it");
    seen.remove("target_info");
    assert_eq!(
        seen,
        FAMILIES.map(|(name, kind)| (name.to_owned(), kind)).into()
    );
}

/// Every name that a query may have.
pub(crate) fn series() -> BTreeSet<String> {
    let names = FAMILIES.iter().flat_map(|(name, kind)| match *kind {
        "histogram" => ["_bucket", "_count", "_sum"]
            .map(|suffix| format!("{name}{suffix}"))
            .to_vec(),
        _ => vec![(*name).to_owned()],
    });
    names.collect()
}

/// Every label that a query may have.
pub(crate) fn labels() -> BTreeSet<String> {
    let attributes = table::below("Metrics")
        .into_values()
        .flat_map(|row| row.attributes());
    let mut labels: BTreeSet<_> = attributes.map(|a| a.replace('.', "_")).collect();
    labels.insert("le".to_owned());
    labels
}

pub(crate) const FAMILIES: [(&str, &str); 29] = [
    ("mcp_client_operation_duration_seconds", "histogram"),
    ("mcp_client_session_duration_seconds", "histogram"),
    ("mcp_pool_acquires_total", "counter"),
    ("mcp_pool_answer_parts_left_out_total", "counter"),
    ("mcp_pool_breaker_state", "gauge"),
    ("mcp_pool_breaker_transitions_total", "counter"),
    ("mcp_pool_check_duration_seconds", "histogram"),
    ("mcp_pool_detection_duration_seconds", "histogram"),
    ("mcp_pool_era_verdicts_total", "counter"),
    ("mcp_pool_key_count", "gauge"),
    ("mcp_pool_key_created_total", "counter"),
    ("mcp_pool_key_evicted_total", "counter"),
    ("mcp_pool_key_max", "gauge"),
    ("mcp_pool_lease_overdue_total", "counter"),
    ("mcp_pool_list_changes_total", "counter"),
    ("mcp_pool_quota_waits_total", "counter"),
    ("mcp_pool_server_messages_refused_total", "counter"),
    ("mcp_pool_server_stream_changes_total", "counter"),
    ("mcp_pool_session_closed_total", "counter"),
    ("mcp_pool_session_count", "gauge"),
    ("mcp_pool_session_create_time_seconds", "histogram"),
    ("mcp_pool_session_idle_max", "gauge"),
    ("mcp_pool_session_idle_min", "gauge"),
    ("mcp_pool_session_max", "gauge"),
    ("mcp_pool_session_pending_requests", "gauge"),
    ("mcp_pool_session_timeouts_total", "counter"),
    ("mcp_pool_session_use_time_seconds", "histogram"),
    ("mcp_pool_session_wait_time_seconds", "histogram"),
    ("mcp_pool_tool_list_lookups_total", "counter"),
];
