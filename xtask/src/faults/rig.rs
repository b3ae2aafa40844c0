//! What the cells share.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::FaultServer;
use mcp_session_pool::{
    Endpoint, PoolConfig, SessionPool, SseConnector, StreamableHttpConnector,
    error::{ConfigError, EndpointError},
};

use crate::{Result, lateness::Lateness};

/// What the cells share: the connectors, since a TLS set-up for each cell would take most of the time,
/// and the bare timer.
pub(super) struct Rig {
    streamable: Arc<StreamableHttpConnector>,
    sse: Arc<SseConnector>,
    pub(super) lateness: Lateness,
    servers: AtomicUsize,
}

impl Rig {
    pub(super) fn new() -> Result<Self> {
        let streamable = StreamableHttpConnector::new()?.with_client(SECURE, trusting()?)?;
        let streamable = streamable.with_max_body_size(MAX_BYTES);
        let sse = SseConnector::new()?.with_client(SECURE, trusting()?)?;
        let sse = sse.with_max_body_size(MAX_BYTES);
        // The only sign of a half-open stream that is worth the state of a conversation.
        let sse = sse.with_idle_timeout(Duration::from_secs(2));
        Ok(Self {
            streamable: Arc::new(streamable.with_max_event_size(MAX_BYTES)),
            sse: Arc::new(sse.with_max_event_size(MAX_BYTES)),
            lateness: Lateness::start(),
            servers: AtomicUsize::new(0),
        })
    }

    /// The endpoint of a server, at a path of its own: the connectors remember the servers at the ports of
    /// earlier cells.
    pub(super) fn endpoint(
        &self,
        server: &FaultServer,
    ) -> std::result::Result<Endpoint, EndpointError> {
        let endpoint = server.endpoint();
        let number = self.servers.fetch_add(1, Ordering::Relaxed);
        let mut url = endpoint.url().clone();
        url.set_path(&format!("/{number}{}", endpoint.url().path()));
        let own = Endpoint::new(url.as_str(), endpoint.transport().clone())?;
        let own = own.with_lifecycle(endpoint.lifecycle());
        Ok(match url.scheme() {
            "https" => own.with_client(SECURE),
            _ => own,
        })
    }

    /// A pool with short time-outs, and this many slots for each session.
    pub(super) fn pool(&self, slots: NonZeroU32) -> std::result::Result<SessionPool, ConfigError> {
        let config = PoolConfig::default()
            .with_acquire_timeout(CALL)
            .with_call_timeout(CALL)
            .with_circuit_breaker_patience(Duration::from_millis(500))
            .with_close_timeout(Duration::from_secs(3))
            .with_health_check_timeout(Duration::from_millis(200))
            .with_session_create_timeout(Duration::from_millis(400))
            .with_max_sessions_per_key(2)
            .with_max_concurrent_per_session(slots)
            .with_max_concurrent_per_conversation(slots)
            .with_max_concurrent_per_stateless_session(slots);
        SessionPool::builder()
            .config(config)
            .connector(Arc::clone(&self.streamable))
            .connector(Arc::clone(&self.sse))
            .build()
    }
}

/// A client that trusts the authority of the servers over TLS.
fn trusting() -> Result<reqwest::ClientBuilder> {
    let authority = reqwest::Certificate::from_pem(FaultServer::authority().as_bytes())?;
    let idle = Duration::from_secs(4);
    let builder = reqwest::Client::builder().tls_certs_only([authority]);
    Ok(builder.pool_idle_timeout(idle))
}

/// The name of the client for servers over TLS.
const SECURE: &str = "secure";
/// The deadline of a call.
pub(super) const CALL: Duration = Duration::from_millis(600);
/// The largest answer that the connectors accept.
pub(super) const MAX_BYTES: usize = 64 * 1024;
