//! A pool whose metrics are scraped.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool,
    StreamableHttpConnector, telemetry::MetricsObserver,
};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use rmcp::model::CallToolRequestParams;
use serde_json::Value;
use tokio::{net::TcpListener, time::sleep};

use super::server::Prometheus;
use crate::Result;

/// Has a Prometheus scrape the metrics of calls, and checks what it knows then. Returns a line for people.
pub(super) async fn check() -> Result<String> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone());
    let provider = SdkMeterProvider::builder()
        .with_reader(exporter.build()?)
        .build();
    let observer = MetricsObserver::new(&provider.meter("scraped"));
    let config = PoolConfig::default().with_circuit_breaker_patience(Duration::ZERO);
    let pool = SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new()?)
        .observer(observer)
        .build()?;
    let prometheus = Prometheus::start(serve(registry).await?).await?;
    let server = CounterServer::start_as(Modes::default());
    let here = server.endpoint().with_gateway("here");
    let away = Endpoint::streamable_http(&unused_address()?)?.with_gateway("away");
    for round in 0..ROUNDS {
        call(&client(&pool, &here, round).await?).await?;
        // It fails, and so do others until the circuit is open.
        let _ = call(&client(&pool, &away, round).await?).await;
        sleep(Duration::from_millis(500)).await;
    }
    let found = findings(&prometheus).await;
    pool.close(Duration::from_secs(5)).await;
    found
}

/// Serves the metrics on loopback.
async fn serve(registry: Registry) -> Result<SocketAddr> {
    let text = move || {
        let text = TextEncoder::new().encode_to_string(&registry.gather());
        std::future::ready(text.unwrap_or_default())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/metrics", get(text));
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(address)
}

/// A URL at which no server listens.
fn unused_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(format!("http://{}/mcp", listener.local_addr()?))
}

async fn client(pool: &SessionPool, endpoint: &Endpoint, round: usize) -> Result<PooledClient> {
    let user = Principal::user(format!("user-{}", round % 3));
    Ok(pool
        .client(AcquireRequest::new(endpoint.clone(), user))
        .await?)
}

async fn call(client: &PooledClient) -> Result {
    let call = client.call_tool(CallToolRequestParams::new("increment"));
    call.await?;
    Ok(())
}

/// Checks what the Prometheus has.
async fn findings(prometheus: &Prometheus) -> Result<String> {
    has(prometheus, "up == 1").await?;
    has(
        prometheus,
        r#"mcp_pool_acquires_total{mcp_pool_upstream="here", mcp_pool_outcome="hit"} > 0"#,
    )
    .await?;
    has(
        prometheus,
        r#"mcp_pool_breaker_state{mcp_pool_upstream="away"} >= 1"#,
    )
    .await?;
    has(
        prometheus,
        r#"mcp_pool_breaker_state{mcp_pool_upstream="here"} == 0"#,
    )
    .await?;
    has(
        prometheus,
        "histogram_quantile(0.5, sum by (le) (mcp_client_operation_duration_seconds_bucket)) > 0",
    )
    .await?;
    let rules = prometheus.rules().await?;
    for rule in &rules {
        if rule["health"] != "ok" {
            return Err(format!("rule {}: {}", rule["name"], rule["lastError"]).into());
        }
    }
    let names = prometheus
        .query(r#"count by (__name__) ({__name__=~"mcp_.+"})"#)
        .await?;
    if names.len() < MIN_NAMES || rules.is_empty() {
        return Err(format!("{} names, {} rules", names.len(), rules.len()).into());
    }
    Ok(format!(
        "prometheus: {} names of the pool, {} rules evaluated",
        names.len(),
        rules.len()
    ))
}

/// Waits until an expression gives something.
async fn has(prometheus: &Prometheus, expression: &str) -> Result {
    let mut last: Vec<Value> = Vec::new();
    for _ in 0..60 {
        last = prometheus.query(expression).await?;
        if !last.is_empty() {
            return Ok(());
        }
        sleep(Duration::from_millis(500)).await;
    }
    Err(format!("nothing for {expression}: {last:?}").into())
}

/// Calls of each upstream.
const ROUNDS: usize = 10;
/// Names with their suffixes; some metrics need more than calls.
const MIN_NAMES: usize = 20;
