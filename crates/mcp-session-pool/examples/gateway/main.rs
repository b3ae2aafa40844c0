//! A gateway: users by verified JWT, several upstreams from a file, metrics, a live page, a graceful end.
//! Run it with `--features admin,file-config,jwt,proxy,telemetry` and the path of a file like `gateway.yaml`.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use axum::{Json, Router, routing::get, serve::ListenerExt};
use mcp_session_pool::{
    SessionPool, SseConnector, StreamableHttpConnector,
    admin::{Admin, Recorder},
    extend::Observer,
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
    /// Where operators alone reach the live page and the metrics, and by which hosts.
    admin_listen: SocketAddr,
    admin_hosts: Vec<String>,
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
    let (provider, registry) = metrics()?;
    let recorder = Recorder::new();
    let metrics = MetricsObserver::new(&provider.meter("gateway"));
    let proxy = proxy(&config, (metrics, recorder.clone()))?;
    let app = router(&settings, &proxy).await?;
    let text = move || TextEncoder::new().encode_to_string(&registry.gather());
    let admin = Admin::new(proxy.pool(), &recorder).hosts(settings.admin_hosts);
    let admin = admin.metrics(move || text().unwrap_or_default()).router();
    let operators = TcpListener::bind(settings.admin_listen).await?;
    tokio::spawn(axum::serve(operators, admin).into_future());
    let listener = TcpListener::bind(settings.listen).await?;
    ready(listener.local_addr()?);
    let ending = proxy.clone();
    let stop = async move {
        terminate.recv().await;
        ending.end_streams();
    };
    let listener = listener.tap_io(|io| drop(io.set_nodelay(true)));
    let server = axum::serve(listener, app).with_graceful_shutdown(stop);
    let ended = proxy.until_drained(server.into_future(), DRAIN);
    let ended = ended.await.transpose()?;
    let report = proxy.pool().close(FAREWELL).await;
    let (ended, closed) = (ended.is_some(), report.complete);
    Ok(format!("calls ended: {ended}, sessions closed: {closed}"))
}

/// The upstreams of the file behind one proxy.
fn proxy(config: &FileConfig, observer: impl Observer + 'static) -> Result<Proxy> {
    let pool = SessionPool::builder()
        .config(config.pool().clone())
        .connector(StreamableHttpConnector::new()?)
        .connector(SseConnector::new()?)
        .credentials(config.credentials())
        .observer(observer)
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
async fn router(settings: &Settings, proxy: &Proxy) -> Result<Router> {
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
        .route("/health", get(async || "ok")))
}

/// Instruments that Prometheus reads.
fn metrics() -> Result<(SdkMeterProvider, Registry)> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone());
    let provider = SdkMeterProvider::builder().with_reader(exporter.build()?);
    Ok((provider.build(), registry))
}

/// How long calls may take to end, and then all farewells.
const DRAIN: Duration = Duration::from_secs(30);
const FAREWELL: Duration = Duration::from_secs(5);
