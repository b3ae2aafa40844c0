//! How a session is opened.

use std::sync::Arc;

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{
        ClientHandlerBox, ConnectRequest, Credentials, Era, RunningSession, Session, SessionInfo,
        negotiated, not_initialized,
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
    driver::Driver,
    incoming::Incoming,
    limits::Limits,
    link::{Link, NewLink},
    service::Ending,
    transport::SseTransport,
};

/// A session to be opened.
pub(crate) struct Opening {
    http: reqwest::Client,
    limits: Limits,
    credentials: Credentials,
    stream: Url,
    handler: ClientHandlerBox,
    deadline: Instant,
}

impl Opening {
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

    /// Opens the session. Dropping what was opened in vain closes its stream, which is the farewell.
    pub(crate) async fn run(self) -> Result<Session, ConnectError> {
        match timeout_at(self.deadline, self.shake_hands()).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::new(FaultKind::Timeout)),
        }
    }

    async fn shake_hands(self) -> Result<Session, ConnectError> {
        let mut incoming =
            Incoming::open(&self.http, &self.credentials, &self.stream, self.limits).await?;
        let endpoint = incoming.endpoint(&self.stream).await?;
        let (sender, answers) = mpsc::unbounded_channel();
        let link = Link::new(NewLink {
            http: self.http,
            credentials: self.credentials,
            limits: self.limits,
            stream: self.stream,
            endpoint,
            answers: sender,
            closed: incoming.closed.clone(),
        });
        let transport = SseTransport {
            link: Arc::clone(&link),
            incoming,
            answers,
        };
        let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        let service = Ending {
            handler: self.handler.into_service(version),
            over: link.over.clone(),
        };
        let running = match service.serve(transport).await {
            Ok(running) => running,
            Err(error) => return Err(refused(&link, &error)),
        };
        link.note_initialized();
        running
            .peer()
            .set_response_cache_config(ClientCacheConfig::disabled())
            .await;
        let mut info = SessionInfo::new(Era::Legacy, negotiated(running.peer())?.as_str());
        if let Some(id) = session_id(&link.endpoint) {
            info = info.with_session_id(&id);
        }
        let alarm = link.alarm.clone();
        let running = RunningSession::new(running);
        Ok(Session::new(Driver { running, link }, info).with_close_notifier(alarm))
    }
}

/// Why the handshake failed: the fault of an exchange or of the stream where there was one, and
/// otherwise what the server said.
fn refused(link: &Link, error: &ClientInitializeError) -> ConnectError {
    match link.first_fault() {
        Some(fault) => fault.into(),
        None => not_initialized(error),
    }
}
