//! How a session is opened.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    ClientHandlerBox, ConnectError, ConnectRequest, Era, FaultKind, RunningSession, Session,
    SessionInfo,
};
use mcp_pool_http::{negotiated, not_initialized, unexpected};
use rmcp::{
    model::ProtocolVersion,
    service::{ClientCacheConfig, ClientInitializeError, ServiceExt},
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

/// A session to be opened.
pub(crate) struct Opening {
    link: Arc<Link>,
    handler: ClientHandlerBox,
    /// The address without its query, which is all that rmcp gets to see of it.
    address: String,
    slots: u32,
    deadline: Instant,
}

impl Opening {
    pub(crate) fn new(http: reqwest::Client, request: &ConnectRequest) -> Self {
        let link = Link::new(NewLink {
            http,
            endpoint: request.endpoint().clone(),
            credentials: request.credentials().clone(),
            wants_stream: request.wants_server_messages(),
        });
        Self {
            link,
            handler: request.handler(),
            address: request.endpoint().to_string(),
            slots: request.slots(),
            deadline: request.deadline(),
        }
    }

    /// Opens the session. One that the server opened in vain is closed in the background.
    pub(crate) async fn run(self) -> Result<Session, ConnectError> {
        let link = Arc::clone(&self.link);
        let deadline = self.deadline;
        let result = match timeout_at(deadline, self.shake_hands()).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::new(FaultKind::Timeout)),
        };
        if result.is_err() {
            tokio::spawn(abandon(link));
        }
        result
    }

    async fn shake_hands(self) -> Result<Session, ConnectError> {
        let link = self.link;
        let transport = StreamableHttpClientTransport::with_client(
            Wire(Arc::clone(&link)),
            transport_config(self.address, self.slots),
        );
        let service = self
            .handler
            .into_service(ProtocolVersion::LATEST_WITH_INITIALIZE);
        let running = match service.serve(transport).await {
            Ok(running) => running,
            Err(error) => return Err(refused(&link, &error)),
        };
        running
            .peer()
            .set_response_cache_config(ClientCacheConfig::disabled())
            .await;
        let revision = negotiated(running.peer())?;
        await_stream(&link).await?;
        let mut info = SessionInfo::new(Era::Legacy, revision.as_str());
        if let Some(id) = link.session_id() {
            info = info.with_session_id(id);
        }
        let alarm = link.alarm.clone();
        let driver = Driver {
            running: RunningSession::new(running),
            link,
        };
        Ok(Session::new(driver, info).with_alarm(alarm))
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

/// Waits for the standalone stream, where the session has one: a call that makes the server ask
/// something would otherwise race against it.
async fn await_stream(link: &Link) -> Result<(), ConnectError> {
    if !link.wants_stream || !link.is_in_session() {
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
async fn abandon(link: Arc<Link>) {
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

/// For the pool's own health checks beside the calls of a session.
const SPARE_REQUESTS: usize = 4;
/// How long a session that was opened in vain may take to be closed, in each of two steps.
const GRACE: Duration = Duration::from_secs(5);
