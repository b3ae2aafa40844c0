//! Exposes the metrics of a pool to Prometheus.
//!
//! ```console
//! cargo run --package mcp-pool-telemetry --example prometheus
//! curl http://127.0.0.1:9464/metrics
//! ```

use std::{error::Error, time::Duration};

use axum::{Router, routing::get};
use mcp_pool_core::{AcquireRequest, Principal, SessionPool, rmcp::model::CallToolRequestParams};
use mcp_pool_telemetry::{MetricsObserver, TraceContext};
use mcp_pool_testkit::server::CounterServer;
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // OpenTelemetry, with Prometheus as its reader.
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build()?;
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();

    // A pool with all of its metrics and traces.
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new()?)
        .observer(MetricsObserver::new(&provider.meter("gateway")))
        .propagator(TraceContext::new())
        .build()?;

    // A caller, so that there is something to see.
    let server = CounterServer::start();
    let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
    let alice = pool.client(request).await?;
    tokio::spawn(async move {
        loop {
            let _ = alice
                .call_tool(CallToolRequestParams::new("increment"))
                .await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });

    let metrics = move || {
        let text = TextEncoder::new().encode_to_string(&registry.gather());
        std::future::ready(text.unwrap_or_default())
    };
    let listener = TcpListener::bind("127.0.0.1:9464").await?;
    println!("http://{}/metrics", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/metrics", get(metrics))).await?;
    Ok(())
}
