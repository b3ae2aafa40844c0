//! The public connector.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    Endpoint, TransportKind,
    error::{ConnectError, FaultKind},
    extend::{
        ConnectRequest, Connector, DetectOutcome, EndpointProbe, ParkedSession, Session, Support,
        open_detached, run_detached,
    },
};
use mcp_pool_http::{BuildError, ClientSet, HttpClients, client, probe};

use crate::{
    connect::{EraNegotiation, Shared, SharedInfo, revive},
    era_cache::EraCache,
    limits::Limits,
};

/// Opens sessions over Streamable HTTP, all on one shared HTTP client.
#[derive(Clone, Debug)]
pub struct StreamableHttpConnector {
    clients: ClientSet,
    limits: Arc<Limits>,
    infos: Arc<SharedInfo>,
    eras: Arc<EraCache>,
}

impl StreamableHttpConnector {
    /// Creates a connector with the default HTTP client.
    ///
    /// Connect timeout 10 seconds, proxies of the environment, connections idle for 4 seconds at most,
    /// `User-Agent: mcp-session-pool/` and the version. HTTP/2 where the server offers it over TLS,
    /// except for streams that stay open.
    ///
    /// # Errors
    /// [`BuildError`]: the TLS backend found no usable certificates, or a proxy of the environment
    /// is malformed.
    pub fn new() -> Result<Self, BuildError> {
        Ok(Self::over(HttpClients::new()?))
    }

    /// Creates a connector from a builder with your own TLS, proxies or DNS.
    ///
    /// The builder's own user agent and idle time of connections hold. Its redirect policy is replaced:
    /// the connector follows 307 and 308 within the origin alone, since another server must not get
    /// the credentials. Set no timeout for whole requests: it would end long calls and the
    /// stream for server messages. Limit calls with the pool's `call_timeout` instead.
    ///
    /// The one client serves the streams for server messages too. A server limits the streams of an
    /// HTTP/2 connection, often to 100; see [`with_stream_builder`](Self::with_stream_builder).
    ///
    /// # Errors
    /// [`BuildError`]: reqwest rejects the settings of the builder, or the builder has a cookie store.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        Ok(Self::over(HttpClients::of(builder)?))
    }

    /// Uses another client for the streams for server messages.
    ///
    /// # Errors
    /// As [`from_builder`](Self::from_builder).
    pub fn with_stream_builder(self, builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        self.clients.set_default_streams(client(builder)?);
        Ok(self)
    }

    /// Adds a client for the endpoints that name it ([`Endpoint::with_client`]), in place of one of the
    /// same name: with a certificate of its own, a private certificate authority, a proxy. An endpoint
    /// that names no client has the default one.
    ///
    /// # Errors
    /// As [`from_builder`](Self::from_builder).
    pub fn with_client(
        self,
        name: impl Into<String>,
        builder: reqwest::ClientBuilder,
    ) -> Result<Self, BuildError> {
        self.clients.set(name, HttpClients::of(builder)?);
        Ok(self)
    }

    /// Replaces the client of a name, or the default one for `None`, while sessions use it: for a new
    /// certificate. Clones of a connector share their clients, so that a clone kept aside reaches those
    /// of the pool. Sessions keep the client that they were opened with, until they end:
    /// [`SessionPool::update_endpoint`](mcp_pool_core::SessionPool::update_endpoint) or
    /// [`drain`](mcp_pool_core::SessionPool::drain) ends them with their last calls.
    ///
    /// # Errors
    /// As [`from_builder`](Self::from_builder); the client of before is kept then.
    pub fn replace_client(
        &self,
        name: Option<&str>,
        builder: reqwest::ClientBuilder,
    ) -> Result<(), BuildError> {
        let clients = HttpClients::of(builder)?;
        match name {
            Some(name) => self.clients.set(name, clients),
            None => self.clients.set_default(clients),
        }
        Ok(())
    }

    /// Limits the size of one JSON answer, in bytes. Default: 16 MiB.
    #[must_use]
    pub fn with_max_body_size(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.limits).max_body = bytes;
        self
    }

    /// Limits the size of one event, in bytes. Default: 4 MiB.
    #[must_use]
    pub fn with_max_event_size(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.limits).max_event = bytes;
        self
    }

    /// Sets how long a detected era is cached. Default: 10 minutes.
    ///
    /// Only endpoints with [`Lifecycle::Auto`](mcp_pool_core::config::Lifecycle::Auto) are
    /// detected. A legacy server that gains the stateless era is detected when the entry expires. A
    /// server that rejects its cached era is detected at once.
    #[must_use]
    pub fn with_era_ttl(mut self, ttl: Duration) -> Self {
        self.eras = Arc::new(EraCache::new(ttl));
        self
    }
}

#[async_trait]
impl Connector for StreamableHttpConnector {
    fn kind(&self) -> TransportKind {
        TransportKind::STREAMABLE_HTTP
    }

    fn speaks_stateless(&self) -> bool {
        true
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        open_detached(self.negotiation(request)?.run()).await
    }

    async fn revive(
        &self,
        request: &ConnectRequest,
        parked: ParkedSession,
    ) -> Result<Session, ConnectError> {
        revive(&self.shared(request)?, &self.eras, request, &parked)
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        let clients = self.clients.of(endpoint).ok()?;
        Some(probe(&clients.requests, endpoint.url()))
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        let negotiation = self.negotiation(request)?;
        // The task outlives a dropped future, so that the session it has opened is closed.
        let detected = run_detached(find_out(negotiation), |_| std::future::ready(())).await;
        detected.unwrap_or_else(lost)
    }

    async fn detect_and_connect(
        &self,
        request: &ConnectRequest,
    ) -> Result<DetectOutcome, ConnectError> {
        let negotiation = self.negotiation(request)?;
        let detected = run_detached(negotiation.detect(), close).await;
        detected.unwrap_or_else(lost)
    }
}

/// Detects the transport, and closes the session that this opened.
async fn find_out(negotiation: EraNegotiation) -> Result<Support, ConnectError> {
    match negotiation.detect().await? {
        DetectOutcome::Connected(session) => {
            session.driver().close(CLOSE_TIMEOUT).await;
            Ok(Support::Supported)
        }
        DetectOutcome::Support(support) => Ok(support),
        _ => Ok(Support::Unknown),
    }
}

/// Closes the session that a detection opened.
async fn close(detected: Result<DetectOutcome, ConnectError>) {
    if let Ok(DetectOutcome::Connected(session)) = detected {
        session.driver().close(CLOSE_TIMEOUT).await;
    }
}

/// The runtime is shutting down.
fn lost<T>() -> Result<T, ConnectError> {
    Err(ConnectError::new(FaultKind::Other))
}

impl StreamableHttpConnector {
    fn over(clients: HttpClients) -> Self {
        Self {
            clients: ClientSet::new(clients),
            limits: Arc::default(),
            infos: Arc::default(),
            eras: Arc::new(EraCache::new(ERA_TTL)),
        }
    }

    /// What a handshake for this request takes of the connector.
    fn shared(&self, request: &ConnectRequest) -> Result<Shared, ConnectError> {
        Ok(Shared {
            clients: self.clients.of(request.endpoint())?,
            limits: Arc::clone(&self.limits),
            infos: Arc::clone(&self.infos),
        })
    }

    fn negotiation(&self, request: &ConnectRequest) -> Result<EraNegotiation, ConnectError> {
        Ok(EraNegotiation {
            shared: self.shared(request)?,
            eras: Arc::clone(&self.eras),
            request: request.clone(),
        })
    }
}

const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Costs one request in ten minutes. Servers are seldom upgraded more often.
const ERA_TTL: Duration = Duration::from_secs(600);
