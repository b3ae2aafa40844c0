//! The connector.

use async_trait::async_trait;
use mcp_pool_core::{ConnectError, ConnectRequest, Connector, Session, TransportKind};
use mcp_pool_http::{BuildError, client, client_builder, open_detached};

use crate::handshake::Opening;

/// Opens sessions over Streamable HTTP, all of them on one HTTP client.
#[derive(Clone, Debug)]
pub struct StreamableHttpConnector {
    http: reqwest::Client,
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
        Ok(Self { http })
    }
}

#[async_trait]
impl Connector for StreamableHttpConnector {
    fn kind(&self) -> TransportKind {
        TransportKind::STREAMABLE_HTTP
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        open_detached(Opening::new(self.http.clone(), request).run()).await
    }
}
