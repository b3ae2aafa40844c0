//! The connector.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    TransportKind,
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Connector, Detection, Session, open_detached},
};
use mcp_pool_http::{BuildError, client, client_builder};

use crate::connect::{EraCache, EraNegotiation, Probe};

/// Opens sessions over Streamable HTTP, all of them on one HTTP client.
#[derive(Clone, Debug)]
pub struct StreamableHttpConnector {
    http: reqwest::Client,
    eras: Arc<EraCache>,
}

impl StreamableHttpConnector {
    /// A connector with the default HTTP client: 10 seconds to connect, no proxy but the
    /// environment's, no redirects.
    ///
    /// # Errors
    /// [`BuildError`]: the TLS library found no usable certificates, or a proxy of the environment
    /// is malformed.
    pub fn new() -> Result<Self, BuildError> {
        Self::from_builder(client_builder())
    }

    /// A connector whose HTTP client is built from `builder`: with client certificates, proxies,
    /// DNS or timeouts of one's own.
    ///
    /// Redirects are off whatever the builder says: they would carry credentials to another place
    /// than they were given for. A timeout for whole requests ends long calls and the stream for
    /// the server's messages; limit calls with the pool's own `call_timeout` instead.
    ///
    /// # Errors
    /// [`BuildError`]: the builder's settings do not make a client.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        let http = client(builder)?;
        let eras = Arc::new(EraCache::new(ERA_TTL));
        Ok(Self { http, eras })
    }

    /// For how long it is remembered of a server whether it keeps sessions, on endpoints whose
    /// [`Lifecycle`](mcp_pool_core::config::Lifecycle) is `Auto`. Default: 10 minutes.
    ///
    /// A server with sessions that learns to do without shows that only when it is asked again; a
    /// server that turns out to be otherwise than it was is asked again at once.
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
        let negotiation = EraNegotiation {
            http: self.http.clone(),
            eras: Arc::clone(&self.eras),
            request: request.clone(),
        };
        open_detached(negotiation.run()).await
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Detection, ConnectError> {
        // On a task of its own, which sees to it that nothing stays open, whoever goes away.
        let question = Probe::new(self.http.clone(), request);
        let answer = tokio::spawn(question.ask()).await;
        answer.unwrap_or_else(|_| Err(ConnectError::new(FaultKind::Other)))
    }
}

/// One more request in ten minutes is nothing; a server is seldom upgraded more often.
const ERA_TTL: Duration = Duration::from_secs(600);
