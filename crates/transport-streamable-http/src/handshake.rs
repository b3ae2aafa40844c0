//! One handshake, in one era.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    error::{ConnectError, FaultKind, Outcome},
    extend::{
        ClientHandlerBox, ConnectRequest, Era, RunningSession, Session, SessionInfo,
        handshake_error, negotiated_version, protocol_violation,
    },
};
use mcp_pool_http::HttpFault;
use rmcp::{
    model::ProtocolVersion,
    service::{ClientCacheConfig, ClientInitializeError, ClientLifecycleMode, ClientServiceExt},
    transport::streamable_http_client::{
        StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
    },
};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    connection::{Connection, NewConnection, StreamState},
    driver::Driver,
    rmcp_adapter::RmcpAdapter,
    stream::ResumePolicy,
};

/// One handshake, in one era, over a transport of its own.
pub(crate) struct Handshake {
    connection: Arc<Connection>,
    handler: ClientHandlerBox,
    /// The address without its query, which is all that rmcp gets to see of it.
    address: String,
    slots: u32,
}

/// A handshake without a session.
pub(crate) struct FailedHandshake {
    pub(crate) error: ConnectError,
    pub(crate) evidence: EraEvidence,
}

/// What a failed handshake says of the server's era.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EraEvidence {
    /// The server was not asked at all: not reached, or the credentials were refused.
    NotReached,
    /// The server has more pressing problems.
    Inconclusive,
    /// The server does not understand, so it is of this other era.
    OtherEra(Era),
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

    /// Opens the session. One that the server opened in vain is closed in the background.
    pub(crate) async fn run(self, deadline: Instant) -> Result<Session, FailedHandshake> {
        let connection = Arc::clone(&self.connection);
        let result = timeout_at(deadline, self.initialize()).await;
        let error = match result {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(error)) => error,
            Err(_) => ConnectError::new(FaultKind::Timeout),
        };
        let evidence = EraEvidence::of(connection.era, &error, connection.first_fault().as_ref());
        tokio::spawn(abandon(connection));
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
            // With rmcp's own `discover` the revision is one of those that were offered.
            Era::Stateless => {
                SessionInfo::new(connection.era, STATELESS.as_str()).with_max_concurrent(self.slots)
            }
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

impl EraEvidence {
    fn of(era: Era, error: &ConnectError, fault: Option<&HttpFault>) -> Self {
        let sent = fault.is_none_or(|fault| fault.failure().outcome() != Outcome::NotExecuted);
        match error.kind() {
            FaultKind::Forbidden(_) | FaultKind::Unauthorized(_) | FaultKind::Tls => {
                Self::NotReached
            }
            FaultKind::Unreachable if !sent => Self::NotReached,
            FaultKind::RateLimited { .. }
            | FaultKind::Server { .. }
            | FaultKind::Timeout
            | FaultKind::Unreachable => Self::Inconclusive,
            _ => Self::OtherEra(match era {
                Era::Legacy => Era::Stateless,
                _ => Era::Legacy,
            }),
        }
    }

    /// The server's era, if there is proof of it.
    pub(crate) fn era(self) -> Option<Era> {
        match self {
            Self::OtherEra(era) => Some(era),
            Self::NotReached | Self::Inconclusive => None,
        }
    }
}

fn offered(era: Era) -> ProtocolVersion {
    match era {
        Era::Stateless => STATELESS,
        _ => ProtocolVersion::LATEST_WITH_INITIALIZE,
    }
}

/// rmcp can find out the era by itself, but gives up on servers that answer in unforeseen ways, and
/// waits longer than one would.
fn lifecycle_mode(era: Era) -> ClientLifecycleMode {
    match era {
        Era::Stateless => ClientLifecycleMode::Discover {
            preferred_versions: vec![STATELESS],
        },
        _ => ClientLifecycleMode::Initialize,
    }
}

fn info(connection: &Connection, revision: &ProtocolVersion) -> SessionInfo {
    let info = SessionInfo::new(connection.era, revision.as_str());
    match connection.session_id() {
        Some(id) => info.with_session_id(id),
        None => info,
    }
}

/// How rmcp is to behave: no replaying, no initialising again, no limit below the session's own.
fn transport_config(address: String, slots: u32) -> StreamableHttpClientTransportConfig {
    let mut config = StreamableHttpClientTransportConfig::with_uri(address);
    config.retry_config = Arc::new(ResumePolicy);
    config.max_concurrent_requests = slots as usize + SPARE_REQUESTS;
    config.reinit_on_expired_session = false;
    config.allow_stateless = true;
    config
}

/// Waits for the standalone stream, where the session needs one: a call that makes the server ask
/// something would otherwise race against it.
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
            None => protocol_violation("the stream for the server's messages failed"),
        }),
        _ => Ok(()),
    }
}

/// Closes a session that was opened in vain, once the server has said which one it is.
pub(crate) async fn abandon(connection: Arc<Connection>) {
    connection.initializing.close();
    let _ = timeout(GRACE, connection.initializing.wait()).await;
    let _ = timeout(GRACE, connection.delete_session()).await;
}

/// Why the handshake failed: the fault of an exchange where there was one, and otherwise what the
/// server said.
fn refused(connection: &Connection, error: &ClientInitializeError) -> ConnectError {
    match connection.first_fault() {
        Some(fault) => fault.into(),
        None => handshake_error(error),
    }
}

/// The revision without sessions that this transport speaks.
const STATELESS: ProtocolVersion = ProtocolVersion::V_2026_07_28;
/// For the pool's own health checks beside the calls of a session.
const SPARE_REQUESTS: usize = 4;
/// How long a session that was opened in vain may take to be closed, in each of two steps.
const GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn only_what_a_server_of_this_era_would_not_say_proves_the_other_one() {
        let says = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            let fault = HttpFault::of_status(status, &http::HeaderMap::new(), false);
            EraEvidence::of(Era::Stateless, &fault.clone().into(), Some(&fault))
        };
        for (status, expected) in [
            (400, EraEvidence::OtherEra(Era::Legacy)),
            (401, EraEvidence::NotReached),
            (403, EraEvidence::NotReached),
            (404, EraEvidence::OtherEra(Era::Legacy)),
            (405, EraEvidence::OtherEra(Era::Legacy)),
            (422, EraEvidence::OtherEra(Era::Legacy)),
            (429, EraEvidence::Inconclusive),
            (500, EraEvidence::Inconclusive),
            (503, EraEvidence::Inconclusive),
            (504, EraEvidence::Inconclusive),
        ] {
            assert_eq!(says(status), expected, "{status}");
        }
        let timeout = ConnectError::new(FaultKind::Timeout);
        assert_eq!(
            EraEvidence::of(Era::Legacy, &timeout, None),
            EraEvidence::Inconclusive
        );
        let refused = protocol_violation("the answer is none");
        let other = EraEvidence::OtherEra(Era::Stateless);
        assert_eq!(EraEvidence::of(Era::Legacy, &refused, None), other);
    }

    #[test]
    fn a_connection_that_was_not_made_is_told_from_one_that_broke() {
        for (outcome, expected) in [
            (Outcome::NotExecuted, EraEvidence::NotReached),
            (Outcome::Unknown, EraEvidence::Inconclusive),
        ] {
            let fault = HttpFault::new(outcome, FaultKind::Unreachable, "gone");
            let said = EraEvidence::of(Era::Stateless, &fault.clone().into(), Some(&fault));
            assert_eq!(said, expected);
        }
    }
}
