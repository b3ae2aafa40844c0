//! A gateway with the fixtures of the conformance suite behind it, for its scenarios for servers.
//!
//! Its argument is the era of the server behind it: `legacy` (default) or `stateless`. Prints its address,
//! and serves until it is killed.

mod asking;
mod contents;
mod fixtures;
mod jobs;
mod schemas;

use std::{io::Write, sync::Arc};

use axum::{Router, serve::ListenerExt};
use mcp_session_pool::{
    Endpoint, SessionPool, StreamableHttpConnector,
    config::Lifecycle,
    proxy::{Proxy, Upstream},
    rmcp::{
        ServerHandler,
        transport::streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let fixtures = fixtures::Fixtures::default();
    let upstream = serve(move || fixtures.clone()).await?;
    // What a server asks for between a call and its answer belongs to the revisions with sessions.
    let lifecycle = match std::env::args().nth(1).as_deref() {
        Some("stateless") => Lifecycle::Stateless,
        _ => Lifecycle::Legacy,
    };
    let endpoint = Endpoint::streamable_http(&upstream)?.with_lifecycle(lifecycle);
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new()?)
        .build()?;
    let proxy = Proxy::builder(pool)
        .allow_anonymous()
        .build_single(Upstream::new("fixtures", endpoint));
    let gateway = serve(move || proxy.handler()).await?;
    println!("{gateway}");
    std::io::stdout().flush()?;
    std::future::pending().await
}

/// Serves the handlers at a port of its own, and returns the address.
async fn serve<H: ServerHandler>(
    handler: impl Fn() -> H + Send + Sync + 'static,
) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let service = StreamableHttpService::new(
        move || Ok(handler()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let app = Router::new().route_service("/mcp", service);
    let listener = listener.tap_io(|io| drop(io.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}
