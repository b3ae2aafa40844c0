//! One handshake, in one era.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    error::{ConnectError, FaultKind, Outcome},
    extend::{
        ClientHandlerBox, ConnectRequest, Era, RunningSession, Session, SessionInfo, negotiated,
        not_initialized, unexpected,
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
    driver::Driver,
    link::{Link, NewLink, StreamState},
    listen::ResumeBriefly,
    wire::Wire,
};

/// One handshake, in one era, over a transport of its own.
pub(crate) struct Handshake {
    link: Arc<Link>,
    handler: ClientHandlerBox,
    /// The address without its query, which is all that rmcp gets to see of it.
    address: String,
    slots: u32,
}

/// A handshake without a session.
pub(crate) struct Failed {
    pub(crate) error: ConnectError,
    pub(crate) says: Says,
}

/// What a failed handshake says of the server's era.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// The server was not asked at all: not reached, or the credentials were refused.
    NotAsked,
    /// The server has more pressing problems.
    Nothing,
    /// The server does not understand, so it is of this other era.
    Other(Era),
}

impl Handshake {
    pub(crate) fn new(http: reqwest::Client, request: &ConnectRequest, era: Era) -> Self {
        let link = Link::new(NewLink {
            http,
            endpoint: request.endpoint().clone(),
            credentials: request.credentials().clone(),
            era,
            wants_stream: request.wants_server_messages(),
            needs_stream: request.needs_server_messages(),
        });
        Self {
            link,
            handler: request.handler(),
            address: request.endpoint().to_string(),
            slots: request.slots_of(era),
        }
    }

    /// Opens the session. One that the server opened in vain is closed in the background.
    pub(crate) async fn run(self, deadline: Instant) -> Result<Session, Failed> {
        let link = Arc::clone(&self.link);
        let result = timeout_at(deadline, self.shake_hands()).await;
        let error = match result {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(error)) => error,
            Err(_) => ConnectError::new(FaultKind::Timeout),
        };
        let says = Says::of(link.era, &error, link.first_fault().as_ref());
        tokio::spawn(abandon(link));
        Err(Failed { error, says })
    }

    async fn shake_hands(self) -> Result<Session, ConnectError> {
        let link = self.link;
        let mode = lifecycle_mode(link.era);
        let transport = StreamableHttpClientTransport::with_client(
            Wire(Arc::clone(&link)),
            transport_config(self.address, self.slots),
        );
        let service = self.handler.into_service(offered(link.era));
        let running = match service.serve_with_lifecycle(transport, mode).await {
            Ok(running) => running,
            Err(error) => return Err(refused(&link, &error)),
        };
        running
            .peer()
            .set_response_cache_config(ClientCacheConfig::disabled())
            .await;
        let info = match link.era {
            // With rmcp's own `discover` the revision is one of those that were offered.
            Era::Stateless => {
                SessionInfo::new(link.era, STATELESS.as_str()).with_max_concurrent(self.slots)
            }
            _ => info(&link, &negotiated(running.peer())?),
        };
        await_stream(&link).await?;
        let alarm = link.alarm.clone();
        let driver = Driver {
            running: RunningSession::new(running),
            link,
        };
        Ok(Session::new(driver, info).with_close_notifier(alarm))
    }
}

impl Says {
    fn of(era: Era, error: &ConnectError, fault: Option<&HttpFault>) -> Self {
        let sent = fault.is_none_or(|fault| fault.failure().outcome() != Outcome::NotExecuted);
        match error.kind() {
            FaultKind::Forbidden(_) | FaultKind::Unauthorized(_) | FaultKind::Tls => Self::NotAsked,
            FaultKind::Unreachable if !sent => Self::NotAsked,
            FaultKind::RateLimited { .. }
            | FaultKind::Server { .. }
            | FaultKind::Timeout
            | FaultKind::Unreachable => Self::Nothing,
            _ => Self::Other(match era {
                Era::Legacy => Era::Stateless,
                _ => Era::Legacy,
            }),
        }
    }

    /// The server's era, if there is proof of it.
    pub(crate) fn era(self) -> Option<Era> {
        match self {
            Self::Other(era) => Some(era),
            Self::NotAsked | Self::Nothing => None,
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

fn info(link: &Link, revision: &ProtocolVersion) -> SessionInfo {
    let info = SessionInfo::new(link.era, revision.as_str());
    match link.session_id() {
        Some(id) => info.with_session_id(id),
        None => info,
    }
}

/// How rmcp is to behave: no replaying, no initialising again, no limit below the session's own.
fn transport_config(address: String, slots: u32) -> StreamableHttpClientTransportConfig {
    let mut config = StreamableHttpClientTransportConfig::with_uri(address);
    config.retry_config = Arc::new(ResumeBriefly);
    config.max_concurrent_requests = slots as usize + SPARE_REQUESTS;
    config.reinit_on_expired_session = false;
    config.allow_stateless = true;
    config
}

/// Waits for the standalone stream, where the session needs one: a call that makes the server ask
/// something would otherwise race against it.
async fn await_stream(link: &Link) -> Result<(), ConnectError> {
    if !link.needs_stream || !link.is_in_session() {
        return Ok(());
    }
    let mut stream = link.stream.subscribe();
    let state = stream
        .wait_for(|state| *state != StreamState::Unknown)
        .await;
    match state.map(|state| *state) {
        Ok(StreamState::Failed) => Err(match link.first_fault() {
            Some(fault) => fault.into(),
            None => unexpected("the stream for the server's messages failed"),
        }),
        _ => Ok(()),
    }
}

/// Closes a session that was opened in vain, once the server has said which one it is.
pub(crate) async fn abandon(link: Arc<Link>) {
    link.opening.close();
    let _ = timeout(GRACE, link.opening.wait()).await;
    let _ = timeout(GRACE, link.farewell()).await;
}

/// Why the handshake failed: the fault of an exchange where there was one, and otherwise what the
/// server said.
fn refused(link: &Link, error: &ClientInitializeError) -> ConnectError {
    match link.first_fault() {
        Some(fault) => fault.into(),
        None => not_initialized(error),
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
            Says::of(Era::Stateless, &fault.clone().into(), Some(&fault))
        };
        for (status, expected) in [
            (400, Says::Other(Era::Legacy)),
            (401, Says::NotAsked),
            (403, Says::NotAsked),
            (404, Says::Other(Era::Legacy)),
            (405, Says::Other(Era::Legacy)),
            (422, Says::Other(Era::Legacy)),
            (429, Says::Nothing),
            (500, Says::Nothing),
            (503, Says::Nothing),
            (504, Says::Nothing),
        ] {
            assert_eq!(says(status), expected, "{status}");
        }
        let timeout = ConnectError::new(FaultKind::Timeout);
        assert_eq!(Says::of(Era::Legacy, &timeout, None), Says::Nothing);
        let refused = unexpected("the answer is none");
        let other = Says::Other(Era::Stateless);
        assert_eq!(Says::of(Era::Legacy, &refused, None), other);
    }

    #[test]
    fn a_connection_that_was_not_made_is_told_from_one_that_broke() {
        for (outcome, expected) in [
            (Outcome::NotExecuted, Says::NotAsked),
            (Outcome::Unknown, Says::Nothing),
        ] {
            let fault = HttpFault::new(outcome, FaultKind::Unreachable, "gone");
            let said = Says::of(Era::Stateless, &fault.clone().into(), Some(&fault));
            assert_eq!(said, expected);
        }
    }
}
