//! A gateway: users by verified JWT, several upstreams from a file, metrics, a graceful end.
//! Run it with `--features file-config,jwt,proxy,telemetry` and the path of a file like `gateway.yaml`.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use axum::{Json, Router, routing::get, serve::ListenerExt};
use mcp_session_pool::{
    SessionPool, SseConnector, StreamableHttpConnector,
    file_config::FileConfig,
    jwt::{JwtIdentity, JwtKeys},
    proxy::{
        Proxy, Upstream,
        auth::{BearerAuth, ProtectedResource},
    },
    rmcp::transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
    telemetry::MetricsObserver,
    tracing::Level,
};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The section `gateway` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    listen: SocketAddr,
    /// The address of the gateway as its clients see it.
    public_url: String,
    issuer: String,
    audience: String,
    jwks_url: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let log = tracing_subscriber::fmt().with_max_level(Level::WARN);
    log.with_writer(std::io::stderr).init();
    let path = std::env::args().nth(1);
    let ready = |address| println!("listening on {address}");
    match run(path.as_deref().unwrap_or("gateway.yaml"), ready).await {
        Ok(report) => println!("{report}"),
        Err(error) => {
            eprintln!("gateway: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Serves as the file has it until SIGTERM; then lets calls end, closes the sessions and reports.
pub(crate) async fn run(path: &str, ready: impl FnOnce(SocketAddr)) -> Result<String> {
    let mut terminate = signal(SignalKind::terminate())?;
    let config = FileConfig::load(path, &["gateway"])?;
    let settings: Settings = config.section("gateway")?;
    let (metrics, registry) = metrics()?;
    let proxy = proxy(&config, &metrics)?;
    let app = router(&settings, &proxy, registry).await?;

    let listener = TcpListener::bind(settings.listen).await?;
    ready(listener.local_addr()?);
    let ending = proxy.clone();
    let stop = async move {
        terminate.recv().await;
        ending.end_streams();
    };
    let listener = listener.tap_io(|io| drop(io.set_nodelay(true)));
    let server = axum::serve(listener, app).with_graceful_shutdown(stop);
    let ended = proxy
        .until_drained(server.into_future(), DRAIN)
        .await
        .transpose()?;
    let report = proxy.pool().close(FAREWELL).await;
    let (ended, closed) = (ended.is_some(), report.complete);
    Ok(format!("calls ended: {ended}, sessions closed: {closed}"))
}

/// The upstreams of the file behind one proxy.
fn proxy(config: &FileConfig, metrics: &SdkMeterProvider) -> Result<Proxy> {
    let pool = SessionPool::builder()
        .config(config.pool().clone())
        .connector(StreamableHttpConnector::new()?)
        .connector(SseConnector::new()?)
        .credentials(config.credentials())
        .observer(MetricsObserver::new(&metrics.meter("gateway")))
        .build()?;
    let mut proxy = Proxy::builder(pool);
    for upstream in config.upstreams() {
        let endpoint = upstream.endpoint().clone();
        let forwarded = upstream.forward().to_vec();
        proxy = proxy.upstream(Upstream::new(upstream.name(), endpoint).forwarding(forwarded));
    }
    Ok(proxy.build()?)
}

/// `/mcp` for those with a token, and what needs none.
async fn router(settings: &Settings, proxy: &Proxy, registry: Registry) -> Result<Router> {
    let resource =
        ProtectedResource::new(settings.public_url.parse()?).authorization_server(&settings.issuer);
    let jwt = JwtIdentity::builder(JwtKeys::url(&settings.jwks_url)?)
        .issuer(&settings.issuer)
        .audience(&settings.audience)
        .build()?;
    // A start without keys fails here and not at the first user.
    jwt.prefetch().await?;
    let handlers = proxy.clone();
    let service = StreamableHttpService::new(
        move || Ok(handlers.handler()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default().with_allowed_hosts([resource.host()]),
    );
    let (metadata_path, metadata) = (resource.metadata_path(), resource.metadata());
    Ok(Router::new()
        .route_service("/mcp", service)
        .layer(BearerAuth::new(jwt, resource))
        .layer(proxy.stream_layer())
        .route(&metadata_path, get(async move || Json(metadata)))
        .route("/metrics", get(async move || exposition(&registry)))
        .route("/health", get(async || "ok")))
}

/// Instruments that Prometheus reads.
fn metrics() -> Result<(SdkMeterProvider, Registry)> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone());
    let provider = SdkMeterProvider::builder()
        .with_reader(exporter.build()?)
        .build();
    Ok((provider, registry))
}

fn exposition(registry: &Registry) -> String {
    let text = TextEncoder::new().encode_to_string(&registry.gather());
    text.unwrap_or_default()
}

/// How long calls may take to end.
const DRAIN: Duration = Duration::from_secs(30);
/// How long all farewells may take.
const FAREWELL: Duration = Duration::from_secs(5);
