//! The state of one session: plain data, without a task or a socket of its own.

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicU8, AtomicU16, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use mcp_pool_core::{
    Endpoint,
    error::{FaultKind, Outcome},
    extend::{
        CallContext, ClientContext, CloseNotifier, Credentials, Era, ParkedSession, RequestTarget,
        ServerInbox,
    },
};
use mcp_pool_http::{HttpClients, HttpFault, HttpSession, send, send_repeatedly};
use once_cell::race::OnceBox;
use rmcp::model::{ClientRequest, ProtocolVersion, ServerPeerInfo};
use tokio::sync::SetOnce;

use super::rare::Rare;
use crate::{
    era_cache::ServerEra,
    limits::Limits,
    parked::Parked,
    request::{LAST_EVENT_ID, PROTOCOL_VERSION, SESSION_ID, is_valid_session_id, standard_headers},
};

/// The state of one session: endpoint, id, revision, and what its server is known to be.
pub(crate) struct Connection {
    /// The session itself, for tasks that go on after a dropped call.
    pub(super) me: Weak<Self>,
    clients: HttpClients,
    http_session: HttpSession,
    endpoint: Endpoint,
    credentials: Credentials,
    pub(super) limits: Arc<Limits>,
    pub(crate) era: Era,
    pub(super) server: Arc<ServerEra>,
    pub(crate) inbox: Arc<ServerInbox>,
    pub(crate) close_notifier: CloseNotifier,
    /// Set when the session is closed: calls in flight end.
    pub(super) ended: SetOnce<()>,
    /// What every request of a stateless session names.
    pub(super) client: Option<Box<ClientContext>>,
    pub(super) info: OnceLock<Arc<ServerPeerInfo>>,
    /// What most sessions never need.
    pub(super) rare: OnceBox<Rare>,
    session: OnceLock<HeaderValue>,
    /// The revision, by its position among the known ones, and one more; 0 before it is known, and for
    /// another one.
    pub(super) revision: AtomicU8,
    /// The status of the response to the first request; 0 before it has come.
    first_status: AtomicU16,
}

/// The parts of a new connection.
pub(crate) struct NewConnection {
    pub(crate) clients: HttpClients,
    pub(crate) http_session: HttpSession,
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Arc<Limits>,
    pub(crate) era: Era,
    pub(crate) server: Arc<ServerEra>,
    pub(crate) inbox: Arc<ServerInbox>,
    pub(crate) client: Option<ClientContext>,
    pub(crate) wants_stream: bool,
}

/// One HTTP request of the session.
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) call: Option<&'a CallContext>,
    /// The request that `body` holds, where it holds one.
    pub(super) request: Option<&'a ClientRequest>,
    pub(super) body: Option<Bytes>,
    pub(super) last_event_id: Option<&'a str>,
}

impl Outgoing<'_> {
    /// True for the requests of the session itself: those that open it, its GET and its DELETE. The
    /// pool repeats the calls that only read.
    fn may_be_executed_twice(&self) -> bool {
        matches!(self.method, Method::GET | Method::DELETE)
            || matches!(
                self.request,
                Some(ClientRequest::InitializeRequest(_) | ClientRequest::DiscoverRequest(_))
            )
    }
}

impl Connection {
    pub(crate) fn new(new: NewConnection) -> Arc<Self> {
        let connection = Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            clients: new.clients,
            http_session: new.http_session,
            endpoint: new.endpoint,
            credentials: new.credentials,
            limits: new.limits,
            era: new.era,
            server: new.server,
            inbox: new.inbox,
            close_notifier: CloseNotifier::default(),
            ended: SetOnce::new(),
            client: new.client.map(Box::new),
            info: OnceLock::new(),
            rare: OnceBox::new(),
            session: OnceLock::new(),
            revision: AtomicU8::new(0),
            first_status: AtomicU16::new(0),
        });
        if connection.era == Era::Stateless {
            connection.note_revision(&STATELESS);
        }
        if new.wants_stream && new.era == Era::Legacy {
            connection.want_standalone();
        }
        connection.inbox.attach(&connection);
        connection
    }

    /// Sends a request, and once more with renewed credentials after a 401. A request that may be
    /// executed twice is sent again when its connection dies before a response comes.
    pub(super) async fn send(
        &self,
        outgoing: Outgoing<'_>,
    ) -> Result<reqwest::Response, HttpFault> {
        let (session, credentials) = (&self.http_session, &self.credentials);
        let target = RequestTarget::http(&outgoing.method, self.endpoint.url());
        let target = target.for_call(outgoing.call);
        let send = || {
            send(session, credentials, target, |headers| {
                self.request(&outgoing, headers)
            })
        };
        match outgoing.may_be_executed_twice() {
            true => Box::pin(send_repeatedly(send)).await,
            false => send().await,
        }
    }

    /// Stores the status of the response to the first request, and its session id.
    ///
    /// # Errors
    /// As [`note_session`](Self::note_session).
    pub(super) fn note_first(&self, response: &reqwest::Response) -> Result<(), HttpFault> {
        let status = response.status().as_u16();
        let first = &self.first_status;
        let _ = first.compare_exchange(0, status, Ordering::Release, Ordering::Relaxed);
        self.note_session(response.headers())
    }

    /// The status of the response to the first request, once it has come.
    pub(crate) fn first_status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.first_status.load(Ordering::Acquire)).ok()
    }

    /// Stores the session id of the response that opened the session.
    ///
    /// An id from a stateless server is used for its DELETE only.
    ///
    /// # Errors
    /// The id of a legacy server is not visible ASCII (revision 2025-11-25, transports).
    fn note_session(&self, response: &HeaderMap) -> Result<(), HttpFault> {
        // An empty id is none.
        let Some(id) = response.get(SESSION_ID).filter(|id| !id.is_empty()) else {
            return Ok(());
        };
        let valid = is_valid_session_id(id);
        // A copy: a clone would keep the HTTP client's whole read buffer, 8 KB, for the session.
        let Ok(mut id) = HeaderValue::from_bytes(id.as_bytes()) else {
            return Err(invalid_session_id());
        };
        id.set_sensitive(true);
        // An invalid id is stored too, so that its session is closed.
        let _ = self.session.set(id);
        if valid || self.era == Era::Stateless {
            return Ok(());
        }
        Err(invalid_session_id())
    }

    /// The session id, if the server assigned one.
    pub(crate) fn session_id(&self) -> Option<&str> {
        self.session.get()?.to_str().ok()
    }

    /// Sets the session id of a session that goes on here.
    pub(crate) fn restore_session(&self, id: &str) {
        if let Ok(mut id) = HeaderValue::from_str(id) {
            id.set_sensitive(true);
            let _ = self.session.set(id);
        }
    }

    /// The session as bytes. `None`: it has no state that could leave, its server set cookies that may be
    /// logins, or this process needs its stream for server messages, which has one owner.
    pub(super) fn park(&self) -> Option<ParkedSession> {
        let cookies = self.http_session.cookies();
        let may_leave = cookies.is_empty() || self.endpoint.has_shareable_cookies();
        let is_bound = self.standalone().is_some() || !may_leave;
        if self.era != Era::Legacy || self.has_ended() || is_bound {
            return None;
        }
        let parked = Parked::new(self.session_id(), self.info.get()?);
        parked.with_cookies(cookies).write()
    }

    pub(super) fn has_session_id(&self) -> bool {
        self.session.get().is_some()
    }

    pub(super) fn is_in_session(&self) -> bool {
        self.era == Era::Legacy && self.has_session_id()
    }

    fn request(&self, outgoing: &Outgoing<'_>, headers: HeaderMap) -> reqwest::RequestBuilder {
        let url = self.endpoint.url().clone();
        let mut request = reqwest::Request::new(outgoing.method.clone(), url);
        // The builder's own setters would hash every header once more.
        *request.headers_mut() = self.headers(outgoing, headers);
        *request.body_mut() = outgoing.body.clone().map(reqwest::Body::from);
        let http = match outgoing.method {
            Method::GET => &self.clients.streams,
            // Its response stays open, too.
            _ if matches!(
                outgoing.request,
                Some(ClientRequest::SubscriptionsListenRequest(_))
            ) =>
            {
                &self.clients.streams
            }
            _ => &self.clients.requests,
        };
        reqwest::RequestBuilder::from_parts(http.clone(), request)
    }

    /// Adds the headers of the protocol to those of the caller.
    fn headers(&self, outgoing: &Outgoing<'_>, mut headers: HeaderMap) -> HeaderMap {
        headers.reserve(OWN_HEADERS);
        if let Some(request) = outgoing.request
            && self.era == Era::Stateless
        {
            standard_headers(request, &mut headers);
            if let ClientRequest::CallToolRequest(call) = request {
                self.add_tool_headers(&call.params, &mut headers);
            }
        }
        if let Some(revision) = self.revision() {
            headers.insert(PROTOCOL_VERSION, revision);
        }
        if let Some(session) = self.session.get()
            && (self.era == Era::Legacy || outgoing.method == Method::DELETE)
        {
            headers.insert(SESSION_ID, session.clone());
        }
        if let Some(id) = outgoing.last_event_id
            && let Ok(id) = HeaderValue::from_str(id)
        {
            headers.insert(LAST_EVENT_ID, id);
        }
        let accept = match outgoing.method {
            Method::GET => "text/event-stream",
            _ => "application/json, text/event-stream",
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if outgoing.body.is_some() {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        headers
    }
}

fn invalid_session_id() -> HttpFault {
    let what = "the session id holds other bytes than 0x21 to 0x7E";
    HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what)
}

/// The headers that a request has at most besides those of the caller and of a tool.
const OWN_HEADERS: usize = 6;
/// The stateless revision that this transport speaks.
pub(crate) const STATELESS: ProtocolVersion = ProtocolVersion::V_2026_07_28;
