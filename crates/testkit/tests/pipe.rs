//! A transport without HTTP, as small as one can be: sessions over pipes in memory. It keeps the promises of the
//! suite for connectors that need no HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use mcp_pool_core::{
    Endpoint, TransportKind,
    error::{ConnectError, FaultKind},
    extend::{
        CloseNotifier, ConnectRequest, Connector, Era, RunningSession, Session, SessionInfo,
        UniqueIds, handshake_error, negotiated_version, open_detached,
    },
};
use mcp_pool_testkit::{
    LineServer, connector_suite,
    server::{Counterpart, Seen, Switches},
};
use rmcp::{ServiceExt, model::ProtocolVersion, transport::async_rw::AsyncRwTransport};
use tokio::io::DuplexStream;

/// Where the pipes lead to. Without a server it is stopped.
#[derive(Clone)]
struct Host {
    server: Arc<Mutex<Option<LineServer>>>,
    switches: Switches,
}

impl Host {
    fn start() -> Self {
        let server = LineServer::start();
        let switches = server.switches().clone();
        let server = Arc::new(Mutex::new(Some(server)));
        Self { server, switches }
    }

    fn server(&self) -> MutexGuard<'_, Option<LineServer>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new pipe to the server.
    fn pipe(&self) -> Option<DuplexStream> {
        let (client, end) = tokio::io::duplex(64 * 1024);
        self.server().as_ref()?.serve(end);
        Some(client)
    }
}

/// Opens sessions over pipes.
struct PipeConnector(Host);

#[async_trait]
impl Connector for PipeConnector {
    fn kind(&self) -> TransportKind {
        TransportKind::new("pipe")
    }

    fn schemes(&self) -> &[&str] {
        &["pipe"]
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        let pipe = self.0.pipe();
        let pipe = pipe.ok_or_else(|| ConnectError::new(FaultKind::Unreachable))?;
        let open = open_detached(open(request.clone(), pipe));
        let opened = tokio::time::timeout_at(request.deadline(), open).await;
        opened.unwrap_or_else(|_| Err(request.timed_out()))
    }
}

/// The handshake. The session ends with its pipe, which is its farewell.
async fn open(request: ConnectRequest, pipe: DuplexStream) -> Result<Session, ConnectError> {
    let (reader, writer) = tokio::io::split(pipe);
    let notifier = CloseNotifier::default();
    let transport = notifier.watch(AsyncRwTransport::new_client(reader, writer));
    let service = request
        .handler()
        .into_service(ProtocolVersion::LATEST_WITH_INITIALIZE);
    let running = service.serve(UniqueIds::new(transport)).await;
    let running = running.map_err(|error| handshake_error(&error))?;
    let version = negotiated_version(running.peer())?;
    let info = SessionInfo::new(Era::Legacy, version.as_str());
    Ok(Session::new(RunningSession::new(running), info).with_close_notifier(notifier))
}

impl Counterpart for Host {
    fn endpoint(&self) -> Endpoint {
        Endpoint::new("pipe:host", TransportKind::new("pipe")).expect("an endpoint")
    }

    fn switches(&self) -> &Switches {
        &self.switches
    }

    fn requests(&self) -> Vec<Seen> {
        self.server()
            .as_ref()
            .map_or_else(Vec::new, LineServer::seen)
    }

    fn open_sessions(&self) -> usize {
        self.server().as_ref().map_or(0, LineServer::open_sessions)
    }

    fn forget_sessions(&self) {
        if let Some(server) = &*self.server() {
            server.forget_sessions();
        }
    }

    fn stop(&mut self) {
        self.server().take();
    }
}

fn pair() -> (PipeConnector, Host) {
    let host = Host::start();
    (PipeConnector(host.clone()), host)
}

connector_suite!(
    pair(),
    a_session_answers_and_reports_its_revision
    a_closed_session_is_closed_on_the_server
    a_connect_that_is_dropped_leaves_no_session
    a_connect_beyond_its_deadline_leaves_no_session
    a_connect_to_a_hanging_server_ends_by_its_deadline
    calls_of_one_session_run_at_the_same_time
    an_absent_server_is_unreachable
    a_lost_session_is_distinguished_from_a_lost_call
    a_reply_that_breaks_off_has_an_unknown_outcome
    a_hanging_close_ends_by_its_timeout
);

#[tokio::test]
async fn a_session_whose_server_is_gone_is_over_without_a_call() {
    let (connector, host) = pair();
    let request = ConnectRequest::detached(&host.endpoint(), http::HeaderMap::new());
    let session = connector.connect(&request).await.expect("a session");
    assert!(!session.is_over());
    host.forget_sessions();
    while !session.is_over() {
        tokio::task::yield_now().await;
    }
}
