//! The handshake that opens a session.

use std::sync::Arc;

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{
        ConnectRequest, Credentials, DetectOutcome, Era, ServerInbox, ServerStream,
        ServerStreamState, Session, SessionInfo, Support,
    },
};
use mcp_pool_http::{HttpClients, HttpFault, HttpSession};
use reqwest::Url;
use tokio::time::timeout_at;

use crate::{
    announcement::{AnnouncementError, session_id},
    limits::Limits,
    session::{Driver, NewConnection},
    stream::Stream,
};

/// One handshake.
pub(crate) struct Handshake {
    clients: HttpClients,
    http_session: HttpSession,
    limits: Limits,
    credentials: Credentials,
    stream: Url,
    inbox: Arc<ServerInbox>,
    request: ConnectRequest,
}

impl Handshake {
    pub(crate) fn new(clients: HttpClients, limits: Limits, request: &ConnectRequest) -> Self {
        Self {
            clients,
            http_session: HttpSession::of(request),
            limits,
            credentials: request.credentials().clone(),
            stream: request.endpoint().url().clone(),
            inbox: request.inbox(),
            request: request.clone(),
        }
    }

    /// Opens the session, within the deadline.
    ///
    /// On failure or timeout the stream is dropped, and that ends the session on the server.
    pub(crate) async fn run(self) -> Result<Session, ConnectError> {
        self.repeatedly(Self::initialize).await
    }

    /// Opens the session where the transport is spoken, within the deadline.
    ///
    /// The rule is that of the specification (revision 2025-11-25, transports, backwards
    /// compatibility): a GET opens a stream with `endpoint` as its first event.
    pub(crate) async fn run_if_spoken(self) -> Result<DetectOutcome, ConnectError> {
        self.repeatedly(Self::initialize_if_spoken).await
    }

    /// Makes an attempt within the deadline, and another one on a new stream where a connection died:
    /// the server may have closed it at any time, and the stream of the last attempt is closed.
    async fn repeatedly<T, F>(self, attempt: impl Fn(Self) -> F) -> Result<T, ConnectError>
    where
        F: Future<Output = Result<T, ConnectError>>,
    {
        let (clients, limits) = (self.clients.clone(), self.limits);
        let request = self.request.clone();
        let attempts = async {
            let mut handshake = self;
            for _ in 0..REPETITIONS {
                match attempt(handshake).await {
                    Err(error) if is_dead_connection(&error) => {
                        handshake = Self::new(clients.clone(), limits, &request);
                    }
                    opened => return opened,
                }
            }
            attempt(handshake).await
        };
        let opened = timeout_at(request.deadline(), attempts).await;
        opened.unwrap_or_else(|_| Err(request.timed_out()))
    }

    async fn initialize_if_spoken(self) -> Result<DetectOutcome, ConnectError> {
        let (stream, endpoint) = match self.open_stream().await {
            Ok(opened) => opened,
            // The server answered, but not with an event stream of this transport.
            Err(error) if is_denial(&error) => {
                return Ok(DetectOutcome::Support(Support::Unsupported));
            }
            Err(error) => return Err(error),
        };
        let session = self.initialize_on(stream, endpoint).await?;
        Ok(DetectOutcome::Connected(session))
    }

    async fn initialize(self) -> Result<Session, ConnectError> {
        let (stream, endpoint) = self.open_stream().await?;
        self.initialize_on(stream, endpoint).await
    }

    async fn open_stream(&self) -> Result<(Stream, Url), ConnectError> {
        let (http, session) = (&self.clients.streams, &self.http_session);
        let (credentials, url) = (&self.credentials, &self.stream);
        let mut stream = Stream::open(http, session, credentials, url, self.limits).await?;
        self.request.note_answered();
        let endpoint = stream.endpoint().await?;
        Ok((stream, endpoint))
    }

    async fn initialize_on(self, stream: Stream, endpoint: Url) -> Result<Session, ConnectError> {
        let session_id = session_id(&endpoint);
        let connection = NewConnection {
            http: self.clients.requests,
            http_session: self.http_session,
            credentials: self.credentials,
            limits: self.limits,
            stream: stream.url.clone(),
            endpoint,
        };
        let driver = Driver::start(connection, stream, self.inbox);
        let revision = driver.initialize().await?;
        let mut info = SessionInfo::new(Era::Legacy, &revision).with_network("http", "tcp");
        // The stream is the session.
        info = info.with_server_stream(ServerStreamState::new(ServerStream::Open));
        if let Some(id) = session_id {
            info = info.with_session_id(&id);
        }
        let close_notifier = driver.close_notifier();
        Ok(Session::new(driver, info).with_close_notifier(close_notifier))
    }
}

/// True where an answer came that is no stream of this transport. An announcement that was refused
/// is one of this transport.
fn is_denial(error: &ConnectError) -> bool {
    let is_refused = std::error::Error::source(error)
        .is_some_and(|source| source.downcast_ref::<AnnouncementError>().is_some());
    !is_refused && matches!(error.kind(), FaultKind::NotFound | FaultKind::Protocol)
}

/// True where a connection died under the handshake, so that another one may bring it about.
fn is_dead_connection(error: &ConnectError) -> bool {
    let fault = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    fault.is_some_and(HttpFault::is_dead_connection)
}

/// How often a handshake is repeated whose connection died.
const REPETITIONS: u32 = 2;
