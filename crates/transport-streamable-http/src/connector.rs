//! The public connector.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    Endpoint, TransportKind,
    error::{ConnectError, FaultKind},
    extend::{
        ConnectRequest, Connector, DetectOutcome, EndpointProbe, Session, Support, open_detached,
    },
};
use mcp_pool_http::{BuildError, client, client_builder, probe, without_compression};
use tokio::sync::oneshot;

use crate::{
    connect::{EraNegotiation, Shared},
    era_cache::EraCache,
    limits::Limits,
};

/// Opens sessions over Streamable HTTP, all on one shared HTTP client.
#[derive(Clone, Debug)]
pub struct StreamableHttpConnector {
    shared: Shared,
    eras: Arc<EraCache>,
}

impl StreamableHttpConnector {
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
    /// to a server that they are not meant for. Set no timeout for whole requests: it would end
    /// long calls and the stream for server messages. Limit calls with the pool's `call_timeout`
    /// instead.
    ///
    /// # Errors
    /// [`BuildError`]: reqwest rejects the settings of the builder.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        let shared = Shared {
            http: client(without_compression(builder))?,
            limits: Limits::default(),
            infos: Arc::default(),
        };
        let eras = Arc::new(EraCache::new(ERA_TTL));
        Ok(Self { shared, eras })
    }

    /// Limits the size of one JSON answer, in bytes. Default: 16 MiB.
    #[must_use]
    pub fn with_max_body_size(mut self, bytes: usize) -> Self {
        self.shared.limits.max_body = bytes;
        self
    }

    /// Limits the size of one event, in bytes. Default: 4 MiB.
    #[must_use]
    pub fn with_max_event_size(mut self, bytes: usize) -> Self {
        self.shared.limits.max_event = bytes;
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
        open_detached(self.negotiation(request).run()).await
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        Some(probe(&self.shared.http, endpoint.url()))
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        match self.detect_and_connect(request).await? {
            DetectOutcome::Connected(session) => {
                session.driver().close(CLOSE_TIMEOUT).await;
                Ok(Support::Supported)
            }
            DetectOutcome::Support(support) => Ok(support),
            _ => Ok(Support::Unknown),
        }
    }

    async fn detect_and_connect(
        &self,
        request: &ConnectRequest,
    ) -> Result<DetectOutcome, ConnectError> {
        let negotiation = self.negotiation(request);
        // The task outlives a dropped future, so that a session it has opened is closed.
        let (sender, receiver) = oneshot::channel();
        tokio::spawn(async move {
            let detected = negotiation.detect().await;
            if let Err(Ok(DetectOutcome::Connected(session))) = sender.send(detected) {
                session.driver().close(CLOSE_TIMEOUT).await;
            }
        });
        let lost = || Err(ConnectError::new(FaultKind::Other));
        receiver.await.unwrap_or_else(|_| lost())
    }
}

impl StreamableHttpConnector {
    fn negotiation(&self, request: &ConnectRequest) -> EraNegotiation {
        EraNegotiation {
            shared: self.shared.clone(),
            eras: Arc::clone(&self.eras),
            request: request.clone(),
        }
    }
}

const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Costs one request in ten minutes. Servers are seldom upgraded more often.
const ERA_TTL: Duration = Duration::from_secs(600);
