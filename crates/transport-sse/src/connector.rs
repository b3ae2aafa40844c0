//! The public connector.

use std::time::Duration;

use async_trait::async_trait;
use mcp_pool_core::{
    Endpoint, TransportKind,
    error::{ConnectError, FaultKind},
    extend::{
        ConnectRequest, Connector, DetectOutcome, EndpointProbe, Session, Support, open_detached,
    },
};
use mcp_pool_http::{BuildError, ClientSet, HttpClients, client, probe};

use crate::{detect::detect, handshake::Handshake, limits::Limits};

/// Opens sessions over HTTP+SSE, all on one shared HTTP client.
#[derive(Clone, Debug)]
pub struct SseConnector {
    clients: ClientSet,
    limits: Limits,
}

impl SseConnector {
    /// Creates a connector with the default HTTP client.
    ///
    /// Connect timeout 10 seconds, proxies of the environment, connections idle for 4 seconds at most,
    /// `User-Agent: mcp-session-pool/` and the version. HTTP/2 where the server offers it over TLS,
    /// except for the streams of sessions.
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
    /// the credentials. Set no timeout for whole requests or for reading: it would end every
    /// session, since a session lives as long as its stream.
    ///
    /// The one client serves the streams of sessions too. A server limits the streams of an
    /// HTTP/2 connection, often to 100; see [`with_stream_builder`](Self::with_stream_builder).
    ///
    /// # Errors
    /// [`BuildError`]: reqwest rejects the settings of the builder, or the builder has a cookie store.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        Ok(Self::over(HttpClients::of(builder)?))
    }

    /// Uses another client for the streams of sessions.
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

    fn over(clients: HttpClients) -> Self {
        Self {
            clients: ClientSet::new(clients),
            limits: Limits::default(),
        }
    }

    fn handshake(&self, request: &ConnectRequest) -> Result<Handshake, ConnectError> {
        let clients = self.clients.of(request.endpoint())?;
        Ok(Handshake::new(clients, self.limits, request))
    }

    /// Limits the size of one answer that comes in the response to a message, in bytes. Default:
    /// 16 MiB.
    ///
    /// A larger answer ends its call with a fault of kind `TooLarge`.
    #[must_use]
    pub fn with_max_body_size(mut self, bytes: usize) -> Self {
        self.limits.max_body = bytes;
        self
    }

    /// Limits the size of one event, in bytes. Default: 4 MiB.
    ///
    /// A larger answer ends its call with a fault of kind `TooLarge`, and the session goes on. An
    /// event of more than 16 times the limit ends its session. The default is more than any sensible
    /// answer, and a thousand sessions with a hostile server still fit in 4 GiB.
    #[must_use]
    pub fn with_max_event_size(mut self, bytes: usize) -> Self {
        self.limits.max_event = bytes;
        self
    }

    /// Limits the time until a server accepts a message. Default: 30 seconds.
    ///
    /// The answer to the message comes on the stream and may take longer. Some servers never
    /// respond to a message for a session that they do not know.
    #[must_use]
    pub fn with_post_timeout(mut self, timeout: Duration) -> Self {
        self.limits.post_timeout = timeout;
        self
    }

    /// Ends a session when its stream is idle for this long. Default: never.
    ///
    /// Any byte counts, also that of a comment. The protocol has no keep-alive that servers must
    /// send. Choose several times the keep-alive interval of your servers; 15 seconds is usual.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle_timeout = Some(timeout);
        self
    }
}

#[async_trait]
impl Connector for SseConnector {
    fn kind(&self) -> TransportKind {
        TransportKind::SSE
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        open_detached(self.handshake(request)?.run()).await
    }

    async fn detect_and_connect(
        &self,
        request: &ConnectRequest,
    ) -> Result<DetectOutcome, ConnectError> {
        let handshake = self.handshake(request)?;
        // The task outlives a dropped future: dropping the session closes its stream.
        let detected = tokio::spawn(handshake.run_if_spoken()).await;
        detected.unwrap_or_else(|_| Err(ConnectError::new(FaultKind::Other)))
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        let clients = self.clients.of(endpoint).ok()?;
        Some(probe(&clients.requests, endpoint.url()))
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        let clients = self.clients.of(request.endpoint())?;
        detect(&clients, self.limits, request).await
    }
}
