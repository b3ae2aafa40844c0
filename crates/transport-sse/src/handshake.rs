//! The handshake that opens a session.

use std::sync::Arc;

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{
        ClientHandlerBox, ConnectRequest, Credentials, Era, RunningSession, Session, SessionInfo,
        handshake_error, negotiated_version,
    },
};
use reqwest::Url;
use rmcp::{
    model::ProtocolVersion,
    service::{ClientCacheConfig, ClientInitializeError, ServiceExt},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{
    announcement::session_id,
    limits::Limits,
    session::{BoundHandler, Connection, Driver, NewConnection, RmcpAdapter},
    stream::Incoming,
};

/// One handshake.
pub(crate) struct Handshake {
    http: reqwest::Client,
    limits: Limits,
    credentials: Credentials,
    stream: Url,
    handler: ClientHandlerBox,
    deadline: Instant,
}

impl Handshake {
    pub(crate) fn new(http: reqwest::Client, limits: Limits, request: &ConnectRequest) -> Self {
        Self {
            http,
            limits,
            credentials: request.credentials().clone(),
            stream: request.endpoint().url().clone(),
            handler: request.handler(),
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
        let mut incoming =
            Incoming::open(&self.http, &self.credentials, &self.stream, self.limits).await?;
        let endpoint = incoming.endpoint(&self.stream).await?;
        let (sender, answers) = mpsc::unbounded_channel();
        let connection = Connection::new(NewConnection {
            http: self.http,
            credentials: self.credentials,
            limits: self.limits,
            stream: self.stream,
            endpoint,
            answers: sender,
            closed: incoming.closed.clone(),
        });
        let transport = RmcpAdapter {
            connection: Arc::clone(&connection),
            incoming,
            answers,
        };
        let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        let service = BoundHandler {
            handler: self.handler.into_service(version),
            ended: connection.ended.clone(),
        };
        let running = match service.serve(transport).await {
            Ok(running) => running,
            Err(error) => return Err(refused(&connection, &error)),
        };
        connection.note_initialized();
        running
            .peer()
            .set_response_cache_config(ClientCacheConfig::disabled())
            .await;
        let revision = negotiated_version(running.peer())?;
        let info = SessionInfo::new(Era::Legacy, revision.as_str());
        let mut info = info.with_network("http", "tcp");
        if let Some(id) = session_id(&connection.endpoint) {
            info = info.with_session_id(&id);
        }
        let close_notifier = connection.close_notifier.clone();
        let running = RunningSession::new(running);
        Ok(Session::new(
            Driver {
                running,
                connection,
            },
            info,
        )
        .with_close_notifier(close_notifier))
    }
}

/// The cause of a failed handshake: the first fault, else the server's answer.
fn refused(connection: &Connection, error: &ClientInitializeError) -> ConnectError {
    match connection.first_fault() {
        Some(fault) => fault.into(),
        None => handshake_error(error),
    }
}
