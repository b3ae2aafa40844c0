//! The connector.

use std::time::Duration;

use async_trait::async_trait;
use mcp_pool_core::{
    ConnectError, ConnectRequest, Connector, Detection, FaultKind, Session, TransportKind,
};
use tokio::sync::oneshot;

use crate::{detect::Question, handshake::Opening};

/// Opens sessions over Streamable HTTP, all of them on one HTTP client.
#[derive(Clone, Debug)]
pub struct StreamableHttpConnector {
    http: reqwest::Client,
}

/// Why a connector could not be built: the HTTP client underneath could not.
#[derive(Debug, thiserror::Error)]
#[error("http client not built")]
pub struct BuildError(#[source] reqwest::Error);

impl StreamableHttpConnector {
    /// A connector with the default HTTP client: 10 seconds to connect, no proxy but the
    /// environment's, no redirects.
    ///
    /// # Errors
    /// [`BuildError`]: the TLS library found no usable certificates, or a proxy of the environment
    /// is malformed.
    pub fn new() -> Result<Self, BuildError> {
        Self::from_builder(reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT))
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
        let http = builder
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(BuildError)?;
        Ok(Self { http })
    }
}

#[async_trait]
impl Connector for StreamableHttpConnector {
    fn kind(&self) -> TransportKind {
        TransportKind::STREAMABLE_HTTP
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        let (sender, receiver) = oneshot::channel();
        let opening = Opening::new(self.http.clone(), request);
        // On a task of its own: rmcp keeps the span in which a session was opened for as long as
        // the session lives, and nobody may go away in the middle of a handshake.
        tokio::spawn(async move {
            if let Err(Ok(session)) = sender.send(opening.run().await) {
                session.driver().close(CLOSE_TIMEOUT).await;
            }
        });
        let lost = || Err(ConnectError::new(FaultKind::Other));
        receiver.await.unwrap_or_else(|_| lost())
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Detection, ConnectError> {
        // On a task of its own, which sees to it that nothing stays open, whoever goes away.
        let question = Question::new(self.http.clone(), request);
        let answer = tokio::spawn(question.ask()).await;
        answer.unwrap_or_else(|_| Err(ConnectError::new(FaultKind::Other)))
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For a session that nobody waits for any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
