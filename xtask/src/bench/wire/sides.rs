//! The two sides of each comparison: sessions of a pool, and sessions of rmcp's own client.

use std::time::Duration;

use cpu_time::ProcessTime;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use mcp_pool_core::{AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool};
use mcp_session_pool::StreamableHttpConnector;
use rmcp::{
    RoleClient,
    model::{
        CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
        ProtocolVersion,
    },
    service::{ClientLifecycleMode, ClientServiceExt, RunningService},
    transport::streamable_http_client::{
        StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
    },
};

use super::{form::Form, server::Server};
use crate::Result;

/// A session of rmcp's own client, kept open.
pub(super) type Held = RunningService<RoleClient, ClientConfig>;

/// The settings of every HTTP client. A connection stays open for this time after its last use.
pub(super) fn http(idle: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .pool_idle_timeout(idle)
}

/// A pool whose limits no measurement reaches, and whose idle sessions outlive it.
pub(super) fn pool(connector: StreamableHttpConnector) -> Result<SessionPool> {
    let config = PoolConfig::default()
        .with_max_sessions_per_key(CALLERS)
        .with_max_total_sessions(0)
        .with_max_total_keys(0)
        .with_session_ttl(LONG)
        .with_idle_pool_eviction(LONG);
    Ok(SessionPool::builder()
        .config(config)
        .connector(connector)
        .build()?)
}

/// A client of the pool for a user of this number.
pub(super) async fn client(
    pool: &SessionPool,
    endpoint: &Endpoint,
    user: usize,
) -> Result<PooledClient> {
    let mut headers = HeaderMap::new();
    let bearer = HeaderValue::try_from(format!("Bearer {}", token(user)))?;
    headers.insert(AUTHORIZATION, bearer);
    let principal = Principal::user(format!("user-{user}"));
    let request = AcquireRequest::new(endpoint.clone(), principal).with_headers(headers);
    Ok(pool.client(request).await?)
}

/// Opens the session of a user, and releases it.
pub(super) async fn open(client: &PooledClient) -> Result {
    drop(client.acquire().await?);
    Ok(())
}

/// Opens a session of rmcp's own client.
pub(super) async fn hold(
    http: &reqwest::Client,
    url: String,
    form: Form,
    user: usize,
) -> Result<Held> {
    let config = StreamableHttpClientTransportConfig::with_uri(url)
        .auth_header(token(user))
        .max_concurrent_requests(CALLERS);
    let transport = StreamableHttpClientTransport::with_client(http.clone(), config);
    let client = Implementation::new("bench", "1");
    let info = ClientConfig::new(ClientCapabilities::default(), client);
    let mode = match form {
        Form::Json | Form::Events => ClientLifecycleMode::Initialize,
        Form::Stateless => ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        },
    };
    let info = info.with_protocol_version(ProtocolVersion::V_2025_11_25);
    Ok(info.serve_with_lifecycle(transport, mode).await?)
}

/// A call through the pool, acquire included.
pub(super) async fn call_pooled(client: &PooledClient) {
    answered(client.call_tool(params()).await);
}

/// A call on a session that is kept open.
pub(super) async fn call_held(held: &rmcp::service::Peer<RoleClient>) {
    answered(held.call_tool(params()).await);
}

fn params() -> CallToolRequestParams {
    CallToolRequestParams::new("increment")
}

fn answered<E: std::fmt::Debug>(answer: std::result::Result<CallToolResult, E>) {
    answer.expect("the server is there");
}

fn token(user: usize) -> String {
    format!("token-of-user-{user:08}")
}

/// The callers of a crowd.
pub(super) const CALLERS: usize = 64;

/// The CPU time of all threads but the server's, since a beginning.
pub(super) struct ClientCpu<'s> {
    server: &'s Server,
    began: Duration,
}

impl<'s> ClientCpu<'s> {
    pub(super) fn begin(server: &'s Server) -> Self {
        Self {
            server,
            began: now(server),
        }
    }

    /// The microseconds so far.
    pub(super) fn us(&self) -> f64 {
        now(self.server).saturating_sub(self.began).as_secs_f64() * 1e6
    }
}

fn now(server: &Server) -> Duration {
    let server = server.cpu();
    ProcessTime::now().as_duration().saturating_sub(server)
}

const LONG: Duration = Duration::from_secs(86_400);
