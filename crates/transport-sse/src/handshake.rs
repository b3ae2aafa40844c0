//! The handshake that opens a session.

use std::sync::Arc;

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Credentials, Era, ServerInbox, Session, SessionInfo},
};
use reqwest::Url;
use tokio::time::{Instant, timeout_at};

use crate::{
    announcement::session_id,
    limits::Limits,
    session::{Driver, NewConnection},
    stream::Stream,
};

/// One handshake.
pub(crate) struct Handshake {
    http: reqwest::Client,
    limits: Limits,
    credentials: Credentials,
    stream: Url,
    inbox: Arc<ServerInbox>,
    deadline: Instant,
}

impl Handshake {
    pub(crate) fn new(http: reqwest::Client, limits: Limits, request: &ConnectRequest) -> Self {
        Self {
            http,
            limits,
            credentials: request.credentials().clone(),
            stream: request.endpoint().url().clone(),
            inbox: request.inbox(),
            deadline: request.deadline(),
        }
    }

    /// Opens the session, within the deadline.
    ///
    /// On failure or timeout the stream is dropped, and that ends the session on the server.
    pub(crate) async fn run(self) -> Result<Session, ConnectError> {
        match timeout_at(self.deadline, self.initialize()).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::new(FaultKind::Timeout)),
        }
    }

    async fn initialize(self) -> Result<Session, ConnectError> {
        let mut stream =
            Stream::open(&self.http, &self.credentials, &self.stream, self.limits).await?;
        let endpoint = stream.endpoint(&self.stream).await?;
        let session_id = session_id(&endpoint);
        let connection = NewConnection {
            http: self.http,
            credentials: self.credentials,
            limits: self.limits,
            stream: self.stream,
            endpoint,
        };
        let driver = Driver::start(connection, stream, self.inbox);
        let revision = driver.initialize().await?;
        let mut info = SessionInfo::new(Era::Legacy, revision).with_network("http", "tcp");
        if let Some(id) = session_id {
            info = info.with_session_id(&id);
        }
        let close_notifier = driver.close_notifier();
        Ok(Session::new(driver, info).with_close_notifier(close_notifier))
    }
}
