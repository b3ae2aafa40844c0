//! The table of spans.

use std::collections::{BTreeMap, BTreeSet};

use mcp_pool_core::extend::Observer;
use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt};

use crate::{life, table};

struct NoObserver;

impl Observer for NoObserver {}

/// The exported spans by name: their kind, and the keys of each span's
/// attributes.
type ByName = BTreeMap<String, (String, Vec<BTreeSet<String>>)>;

#[test]
fn every_span_matches_its_row_and_every_row_is_exported() {
    let exported = exported();
    let table = table::below("Spans");
    for (name, row) in &table {
        let (kind, spans) = exported.get(name).unwrap_or_else(|| panic!("no `{name}`"));
        assert_eq!(*kind, row.kind, "{name}");
        let all: BTreeSet<_> = spans.iter().flatten().cloned().collect();
        assert_eq!(all, row.attributes(), "{name}");
        for span in spans {
            let missing: Vec<_> = row.always.difference(span).collect();
            assert!(missing.is_empty(), "{name} lacks {missing:?}");
        }
    }
    assert_eq!(exported.len(), table.len(), "{:?}", exported.keys());
}

fn exported() -> ByName {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("test"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target("mcp_pool_core", tracing::Level::INFO));
    // Set for the process, since threads of the HTTP client start spans too.
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(life::live(NoObserver, || {}));
    let mut by_name = ByName::new();
    for span in exporter.get_finished_spans().expect("the exports") {
        let kind = match span.span_kind {
            SpanKind::Client => "client",
            SpanKind::Internal => "internal",
            _ => "another",
        };
        let name = match span.span_kind {
            SpanKind::Client => "<method> <tool or prompt>".to_owned(),
            _ => span.name.to_string(),
        };
        let keys = span.attributes.iter().map(|a| a.key.to_string()).collect();
        let spans = by_name.entry(name).or_default();
        kind.clone_into(&mut spans.0);
        spans.1.push(keys);
    }
    by_name
}
