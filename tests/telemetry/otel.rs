//! One exporter and one receiver for all tests: spans and metrics are exported through OTLP and
//! received over HTTP.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::Uri};
use mcp_session_pool::telemetry::MetricsObserver;
use opentelemetry::{metrics::MeterProvider, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::{metrics::SdkMeterProvider, trace::SdkTracerProvider};
use serde_json::Value;
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// OpenTelemetry with the setup of an application.
pub(crate) struct Otel {
    pub(crate) metrics: MetricsObserver,
    inbox: Inbox,
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
}

/// The path and the body of each export received.
type Inbox = Arc<Mutex<Vec<(String, String)>>>;

/// A span as it was received.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span(Value);

/// The setup that all tests share.
pub(crate) static OTEL: LazyLock<Otel> = LazyLock::new(|| {
    // The HTTP client of the exporters is blocking: it must not be used inside of a runtime.
    thread::spawn(Otel::set_up)
        .join()
        .expect("a receiver and two exporters")
});

impl Otel {
    fn set_up() -> Self {
        let inbox = Inbox::default();
        let receiver = receive(Arc::clone(&inbox));
        let spans = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("http://{receiver}/v1/traces"))
            .build()
            .expect("an exporter of spans");
        let metrics = opentelemetry_otlp::MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("http://{receiver}/v1/metrics"))
            .build()
            .expect("an exporter of metrics");
        let tracers = SdkTracerProvider::builder()
            .with_batch_exporter(spans)
            .build();
        let meters = SdkMeterProvider::builder()
            .with_periodic_exporter(metrics)
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracers.tracer("tests"))
            .with_filter(
                Targets::new()
                    .with_target("mcp_pool", tracing::Level::TRACE)
                    .with_target("telemetry", tracing::Level::TRACE)
                    .with_target("rmcp", tracing::Level::WARN),
            );
        tracing_subscriber::registry().with(layer).init();
        Self {
            metrics: MetricsObserver::new(&meters.meter("tests")),
            inbox,
            tracers,
            meters,
        }
    }

    /// Every ended span of a trace.
    pub(crate) fn trace(&self, id: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id() == id);
        spans
    }

    /// Every ended span.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.tracers.force_flush().expect("spans are exported");
        let received = self.received("/v1/traces");
        received.iter().flat_map(spans).collect()
    }

    /// The data points of a metric of a pool, in the order of their export.
    pub(crate) fn points(&self, metric: &str, pool: &str) -> Vec<Value> {
        self.meters.force_flush().expect("metrics are exported");
        let received = self.received("/v1/metrics");
        let all = received.iter().flat_map(|body| points(body, metric));
        all.filter(|point| attribute(point, "mcp.pool.name").as_deref() == Some(pool))
            .collect()
    }

    /// The bodies of all exports so far.
    pub(crate) fn everything(&self) -> String {
        self.tracers.force_flush().expect("spans are exported");
        self.meters.force_flush().expect("metrics are exported");
        let inbox = self.inbox.lock().expect("not poisoned");
        inbox.iter().map(|(_, body)| body.as_str()).collect()
    }

    fn received(&self, path: &str) -> Vec<Value> {
        let inbox = self.inbox.lock().expect("not poisoned");
        let bodies = inbox.iter().filter(|(to, _)| to == path);
        bodies
            .map(|(_, body)| serde_json::from_str(body).expect("OTLP is JSON here"))
            .collect()
    }
}

impl Span {
    fn text(&self, field: &str) -> String {
        self.0[field].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn trace_id(&self) -> String {
        self.text("traceId")
    }

    pub(crate) fn id(&self) -> String {
        self.text("spanId")
    }

    pub(crate) fn parent(&self) -> String {
        self.text("parentSpanId")
    }

    pub(crate) fn name(&self) -> String {
        self.text("name")
    }

    /// The ids of trace and span of each link.
    pub(crate) fn links(&self) -> Vec<(String, String)> {
        let links = self.0["links"].as_array().cloned().unwrap_or_default();
        let both = |link: Value| {
            let link = Self(link);
            (link.text("traceId"), link.text("spanId"))
        };
        links.into_iter().map(both).collect()
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<String> {
        attribute(&self.0, key)
    }

    pub(crate) fn is_number(&self, key: &str) -> bool {
        let attributes = self.0["attributes"].as_array();
        let mut found = attributes.into_iter().flatten().filter(|a| a["key"] == key);
        found.any(|attribute| attribute["value"].get("intValue").is_some())
    }

    /// The time from its beginning to its end.
    pub(crate) fn took(&self) -> Duration {
        let nanos = |field| self.text(field).parse::<u64>().expect("a number");
        Duration::from_nanos(nanos("endTimeUnixNano") - nanos("startTimeUnixNano"))
    }
}

/// The value of an attribute as text.
fn attribute(of: &Value, key: &str) -> Option<String> {
    let attributes = of["attributes"].as_array()?;
    let found = attributes.iter().find(|a| a["key"] == key)?;
    let value = found["value"].as_object()?.values().next()?;
    Some(
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned),
    )
}

fn spans(body: &Value) -> Vec<Span> {
    each(&body["resourceSpans"], "scopeSpans", "spans")
        .map(Span)
        .collect()
}

fn points(body: &Value, metric: &str) -> Vec<Value> {
    let metrics = each(&body["resourceMetrics"], "scopeMetrics", "metrics");
    let named = metrics.filter(|found| found["name"] == metric);
    let kinds = ["sum", "gauge", "histogram"];
    named
        .flat_map(|found| kinds.map(|kind| found[kind]["dataPoints"].clone()))
        .filter_map(|points| points.as_array().cloned())
        .flatten()
        .collect()
}

/// The items two lists deeper.
fn each<'v>(list: &'v Value, inner: &'v str, innermost: &'v str) -> impl Iterator<Item = Value> {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    items(list)
        .into_iter()
        .flat_map(move |item| items(&item[inner]))
        .flat_map(move |item| items(&item[innermost]))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Starts a receiver that lives as long as the process.
fn receive(inbox: Inbox) -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener
        .set_nonblocking(true)
        .expect("a listener for tokio");
    let address = listener.local_addr().expect("a bound port");
    let router = Router::new().fallback(note).with_state(inbox);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await
        })
    });
    address
}

async fn note(State(inbox): State<Inbox>, uri: Uri, body: Bytes) -> &'static str {
    let body = String::from_utf8_lossy(&body).into_owned();
    let mut inbox = inbox.lock().expect("not poisoned");
    inbox.push((uri.path().to_owned(), body));
    "{}"
}
