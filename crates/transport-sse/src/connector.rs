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
use mcp_pool_http::{BuildError, client, client_builder, probe, without_compression};

use crate::{detect::detect, handshake::Handshake, limits::Limits};

/// Opens sessions over HTTP+SSE, all on one shared HTTP client.
#[derive(Clone, Debug)]
pub struct SseConnector {
    http: reqwest::Client,
    limits: Limits,
}

impl SseConnector {
    /// Creates a connector with the default HTTP client.
    ///
    /// Connect timeout 10 seconds, proxies of the environment, no redirects.
    ///
    /// # Errors
    /// [`BuildError`]: the TLS backend found no usable certificates, or a proxy of the environment
    /// is malformed.
    pub fn new() -> Result<Self, BuildError> {
        Self::from_builder(client_builder())
    }

    /// Creates a connector from a builder with your own TLS, proxies or DNS.
    ///
    /// The redirect policy of the builder is replaced by "none": a redirect would send credentials
    /// to a server that they are not meant for. Set no timeout for whole requests or for reading:
    /// it would end every session, since a session lives as long as its stream.
    ///
    /// # Errors
    /// [`BuildError`]: reqwest rejects the settings of the builder.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        Ok(Self {
            http: client(without_compression(builder))?,
            limits: Limits::default(),
        })
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
        open_detached(Handshake::new(self.http.clone(), self.limits, request).run()).await
    }

    async fn detect_and_connect(
        &self,
        request: &ConnectRequest,
    ) -> Result<DetectOutcome, ConnectError> {
        let handshake = Handshake::new(self.http.clone(), self.limits, request);
        // The task outlives a dropped future: dropping the session closes its stream.
        let detected = tokio::spawn(handshake.run_if_spoken()).await;
        detected.unwrap_or_else(|_| Err(ConnectError::new(FaultKind::Other)))
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        Some(probe(&self.http, endpoint.url()))
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        detect(&self.http, self.limits, request).await
    }
}
