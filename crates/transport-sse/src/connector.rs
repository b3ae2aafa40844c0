//! The connector.

use std::time::Duration;

use async_trait::async_trait;
use mcp_pool_core::{
    TransportKind,
    error::ConnectError,
    extend::{ConnectRequest, Connector, Detection, Session, open_detached},
};
use mcp_pool_http::{BuildError, client, client_builder};

use crate::{detect::detect, handshake::Handshake, limits::Limits};

/// Opens sessions over HTTP+SSE, all of them on one HTTP client.
#[derive(Clone, Debug)]
pub struct SseConnector {
    http: reqwest::Client,
    limits: Limits,
}

impl SseConnector {
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
    /// than they were given for. A timeout for whole requests, or for reading, ends every session
    /// after that time, since a session lives as long as its stream.
    ///
    /// # Errors
    /// [`BuildError`]: the builder's settings do not make a client.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        Ok(Self {
            http: client(builder)?,
            limits: Limits::default(),
        })
    }

    /// How many bytes one event may have; a larger one ends its session. Default: 4 MiB, which is
    /// more than any sensible answer, and still little where a thousand sessions meet a server gone
    /// mad.
    #[must_use]
    pub fn with_max_event_size(mut self, bytes: usize) -> Self {
        self.limits.max_event = bytes;
        self
    }

    /// How long a server may take to accept a message. The answer to it comes on the stream and may
    /// take longer. Default: 30 seconds; some servers never respond to a message for a session that
    /// they do not know.
    #[must_use]
    pub fn with_post_timeout(mut self, timeout: Duration) -> Self {
        self.limits.post_timeout = timeout;
        self
    }

    /// Ends a session on whose stream nothing came for this long, not even a comment. Default:
    /// never, since the protocol has no sign of life that servers must send. Choose several times
    /// the interval at which yours send theirs; many do so every 15 seconds.
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

    async fn detect(&self, request: &ConnectRequest) -> Result<Detection, ConnectError> {
        detect(&self.http, self.limits, request).await
    }
}
