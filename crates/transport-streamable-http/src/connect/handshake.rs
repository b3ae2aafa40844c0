//! One handshake, in one era.

use std::sync::Arc;

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{
        ClientHandlerBox, ConnectRequest, Era, RunningSession, Session, SessionInfo,
        handshake_error, negotiated_version, protocol_violation,
    },
};
use rmcp::{
    model::ProtocolVersion,
    service::{ClientCacheConfig, ClientInitializeError, ClientLifecycleMode, ClientServiceExt},
    transport::streamable_http_client::{
        StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
    },
};
use tokio::time::{Instant, timeout_at};

use super::era_evidence::EraEvidence;
use crate::session::{Connection, Driver, NewConnection, ResumePolicy, RmcpAdapter, StreamState};

/// One handshake, in one era, over its own connection.
pub(crate) struct Handshake {
    connection: Arc<Connection>,
    handler: ClientHandlerBox,
    /// The URL without its query. rmcp gets this one, so it can log no secret.
    address: String,
    slots: u32,
}

/// A failed handshake.
pub(crate) struct FailedHandshake {
    pub(crate) error: ConnectError,
    pub(crate) evidence: EraEvidence,
}

impl Handshake {
    pub(crate) fn new(http: reqwest::Client, request: &ConnectRequest, era: Era) -> Self {
        let connection = Connection::new(NewConnection {
            http,
            endpoint: request.endpoint().clone(),
            credentials: request.credentials().clone(),
            era,
            wants_stream: request.wants_server_messages(),
            needs_stream: request.needs_server_messages(),
        });
        Self {
            connection,
            handler: request.handler(),
            address: request.endpoint().to_string(),
            slots: request.slots_of(era),
        }
    }

    /// Opens the session, within `deadline`.
    ///
    /// On failure a background task closes the session that the server may have opened.
    pub(crate) async fn run(self, deadline: Instant) -> Result<Session, FailedHandshake> {
        let connection = Arc::clone(&self.connection);
        let result = timeout_at(deadline, self.initialize()).await;
        let error = match result {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(error)) => error,
            Err(_) => ConnectError::new(FaultKind::Timeout),
        };
        let evidence = EraEvidence::of(connection.era, &error, connection.first_fault().as_ref());
        tokio::spawn(async move { connection.close_abandoned().await });
        Err(FailedHandshake { error, evidence })
    }

    async fn initialize(self) -> Result<Session, ConnectError> {
        let connection = self.connection;
        let mode = lifecycle_mode(connection.era);
        let transport = StreamableHttpClientTransport::with_client(
            RmcpAdapter(Arc::clone(&connection)),
            transport_config(self.address, self.slots),
        );
        let service = self.handler.into_service(offered(connection.era));
        let running = match service.serve_with_lifecycle(transport, mode).await {
            Ok(running) => running,
            Err(error) => return Err(refused(&connection, &error)),
        };
        running
            .peer()
            .set_response_cache_config(ClientCacheConfig::disabled())
            .await;
        let info = match connection.era {
            // rmcp's `discover` accepts only an offered revision.
            Era::Stateless => SessionInfo::new(connection.era, STATELESS.as_str())
                .with_network("http", "tcp")
                .with_max_concurrent(self.slots),
            _ => info(&connection, &negotiated_version(running.peer())?),
        };
        await_stream(&connection).await?;
        let close_notifier = connection.close_notifier.clone();
        let driver = Driver {
            running: RunningSession::new(running),
            connection,
        };
        Ok(Session::new(driver, info).with_close_notifier(close_notifier))
    }
}

fn offered(era: Era) -> ProtocolVersion {
    match era {
        Era::Stateless => STATELESS,
        _ => ProtocolVersion::LATEST_WITH_INITIALIZE,
    }
}

/// The handshake of rmcp for an era.
///
/// rmcp can also detect the era itself. It fails on servers with unforeseen answers, though, and
/// its timeout is long.
fn lifecycle_mode(era: Era) -> ClientLifecycleMode {
    match era {
        Era::Stateless => ClientLifecycleMode::Discover {
            preferred_versions: vec![STATELESS],
        },
        _ => ClientLifecycleMode::Initialize,
    }
}

fn info(connection: &Connection, revision: &ProtocolVersion) -> SessionInfo {
    let info = SessionInfo::new(connection.era, revision.as_str()).with_network("http", "tcp");
    match connection.session_id() {
        Some(id) => info.with_session_id(id),
        None => info,
    }
}

/// Settings of rmcp: no replay, no second `initialize`, enough requests.
fn transport_config(address: String, slots: u32) -> StreamableHttpClientTransportConfig {
    let mut config = StreamableHttpClientTransportConfig::with_uri(address);
    config.retry_config = Arc::new(ResumePolicy);
    config.max_concurrent_requests = slots as usize + SPARE_REQUESTS;
    config.reinit_on_expired_session = false;
    config.allow_stateless = true;
    config
}

/// Waits for the standalone stream, if the session needs one.
///
/// Without the wait, a server request during the first call would race with the stream.
async fn await_stream(connection: &Connection) -> Result<(), ConnectError> {
    if !connection.needs_stream || !connection.is_in_session() {
        return Ok(());
    }
    let mut stream = connection.stream.subscribe();
    let state = stream
        .wait_for(|state| *state != StreamState::Unknown)
        .await;
    match state.map(|state| *state) {
        Ok(StreamState::Failed) => Err(match connection.first_fault() {
            Some(fault) => fault.into(),
            None => protocol_violation("the stream for server messages failed"),
        }),
        _ => Ok(()),
    }
}

/// The cause of a failed handshake: the first fault, else the server's answer.
fn refused(connection: &Connection, error: &ClientInitializeError) -> ConnectError {
    match connection.first_fault() {
        Some(fault) => fault.into(),
        None => handshake_error(error),
    }
}

/// The stateless revision that this transport speaks.
const STATELESS: ProtocolVersion = ProtocolVersion::V_2026_07_28;
/// Requests for the pool's health checks, beside the calls of a session.
const SPARE_REQUESTS: usize = 4;
