//! The HTTP state of one session. Every request of the session is sent here.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use mcp_pool_core::{
    Endpoint,
    error::{FaultKind, Outcome},
    extend::{CallContext, CloseNotifier, CloseOutcome, Credentials, Era},
};
use mcp_pool_http::{HttpFault, send};
use tokio::{
    sync::{OnceCell, watch},
    time::timeout,
};
use tokio_util::task::TaskTracker;

/// The HTTP state of one session, shared by its parts.
pub(crate) struct Connection {
    http: reqwest::Client,
    endpoint: Endpoint,
    credentials: Credentials,
    pub(crate) era: Era,
    /// Whether the handler or the pool wants the standalone stream.
    pub(crate) wants_stream: bool,
    /// Whether the session is useless without the standalone stream.
    pub(crate) needs_stream: bool,
    pub(crate) close_notifier: CloseNotifier,
    /// The state of the standalone stream.
    pub(crate) stream: watch::Sender<StreamState>,
    /// Tracks the request that opens the session.
    ///
    /// It runs to its end even if the caller is cancelled: only its response has the id that is
    /// needed to close the session.
    pub(crate) initializing: TaskTracker,
    /// Consecutive event streams that failed or had no events.
    pub(crate) idle_streams: AtomicUsize,
    session: OnceLock<HeaderValue>,
    revision: OnceLock<HeaderValue>,
    deleted: OnceCell<CloseOutcome>,
    fault: Mutex<Option<HttpFault>>,
}

/// The parts of a new connection.
pub(crate) struct NewConnection {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Credentials,
    pub(crate) era: Era,
    pub(crate) wants_stream: bool,
    pub(crate) needs_stream: bool,
}

/// The state of the standalone stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamState {
    /// The server has none, or the session wants none.
    Absent,
    Failed,
    Open,
    /// Not requested yet, or not answered yet.
    Unknown,
}

/// One HTTP request of the session.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) call: Option<CallContext>,
    pub(crate) body: Option<Bytes>,
    pub(crate) last_event_id: Option<String>,
    /// The headers of the protocol, from rmcp.
    pub(crate) protocol: &'a HashMap<HeaderName, HeaderValue>,
}

impl Connection {
    pub(crate) fn new(new: NewConnection) -> Arc<Self> {
        Arc::new(Self {
            http: new.http,
            endpoint: new.endpoint,
            credentials: new.credentials,
            era: new.era,
            wants_stream: new.wants_stream,
            needs_stream: new.needs_stream,
            close_notifier: CloseNotifier::default(),
            stream: watch::Sender::new(StreamState::Unknown),
            initializing: TaskTracker::new(),
            idle_streams: AtomicUsize::new(0),
            session: OnceLock::new(),
            revision: OnceLock::new(),
            deleted: OnceCell::new(),
            fault: Mutex::new(None),
        })
    }

    /// Sends a request, and once more with renewed credentials after a 401.
    pub(crate) async fn send(
        &self,
        outgoing: Outgoing<'_>,
    ) -> Result<reqwest::Response, HttpFault> {
        self.note_revision(outgoing.protocol);
        let call = outgoing.call.as_ref();
        send(&self.credentials, call, |headers| {
            self.request(&outgoing, headers)
        })
        .await
    }

    /// Stores the session id of the response that opened the session.
    ///
    /// An id from a stateless server is used for its DELETE only.
    ///
    /// # Errors
    /// The id of a legacy server is not visible ASCII (revision 2025-11-25, transports).
    pub(crate) fn note_session(&self, response: &HeaderMap) -> Result<(), HttpFault> {
        let Some(id) = response.get(SESSION_ID) else {
            return Ok(());
        };
        let mut id = id.clone();
        id.set_sensitive(true);
        let valid = is_valid_session_id(&id);
        // An invalid id is stored too, so that its session is closed.
        let _ = self.session.set(id);
        if valid || self.era == Era::Stateless {
            return Ok(());
        }
        let what = "the session id is empty or holds other bytes than 0x21 to 0x7E";
        Err(HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what))
    }

    /// The session id, if the server assigned one.
    pub(crate) fn session_id(&self) -> Option<&str> {
        self.session.get()?.to_str().ok()
    }

    pub(crate) fn is_in_session(&self) -> bool {
        self.era == Era::Legacy && self.session.get().is_some()
    }

    /// Sends the DELETE once; later calls return its outcome.
    pub(crate) async fn delete_session(&self) -> CloseOutcome {
        *self.deleted.get_or_init(|| self.send_delete()).await
    }

    /// Closes the session of a failed handshake, once its id is known.
    pub(crate) async fn close_abandoned(&self) {
        self.initializing.close();
        let _ = timeout(ABANDONED_TIMEOUT, self.initializing.wait()).await;
        let _ = timeout(ABANDONED_TIMEOUT, self.delete_session()).await;
    }

    async fn send_delete(&self) -> CloseOutcome {
        if self.session.get().is_none() {
            return CloseOutcome::Completed;
        }
        let outgoing = Outgoing {
            method: Method::DELETE,
            call: None,
            body: None,
            last_event_id: None,
            protocol: &HashMap::new(),
        };
        match self.send(outgoing).await.map(|response| response.status()) {
            // 405: the server does not let clients end sessions. 404: it has no such session.
            Ok(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND) => CloseOutcome::Completed,
            Ok(status) if status.is_success() => CloseOutcome::Completed,
            _ => CloseOutcome::Failed,
        }
    }

    /// Keeps the first fault, which is the cause of a failed handshake.
    pub(crate) fn note_fault(&self, fault: &HttpFault) {
        let mut first = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| fault.clone());
    }

    pub(crate) fn first_fault(&self) -> Option<HttpFault> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts a stream that failed or had no events. Returns how many in a row.
    pub(crate) fn note_idle_stream(&self) -> usize {
        self.idle_streams.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn note_busy_stream(&self) {
        self.idle_streams.store(0, Ordering::Relaxed);
    }

    fn request(&self, outgoing: &Outgoing<'_>, headers: HeaderMap) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(outgoing.method.clone(), self.endpoint.url().clone())
            .headers(self.headers(outgoing, headers));
        match &outgoing.body {
            Some(body) => request.body(body.clone()),
            None => request,
        }
    }

    /// Adds the headers of the protocol to those of the caller.
    fn headers(&self, outgoing: &Outgoing<'_>, mut headers: HeaderMap) -> HeaderMap {
        for (name, value) in outgoing.protocol {
            headers.insert(name, value.clone());
        }
        if let Some(revision) = self.revision.get() {
            headers.insert(PROTOCOL_VERSION, revision.clone());
        }
        if let Some(session) = self.session.get()
            && (self.era == Era::Legacy || outgoing.method == Method::DELETE)
        {
            headers.insert(SESSION_ID, session.clone());
        }
        if let Some(id) = &outgoing.last_event_id
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

    /// Stores the negotiated revision, which every later request must name.
    ///
    /// A stateless request names its own revision.
    fn note_revision(&self, protocol: &HashMap<HeaderName, HeaderValue>) {
        if self.era == Era::Legacy
            && let Some(revision) = protocol.get(&PROTOCOL_VERSION)
        {
            let _ = self.revision.set(revision.clone());
        }
    }
}

fn is_valid_session_id(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    !bytes.is_empty() && bytes.iter().all(|byte| (0x21..=0x7e).contains(byte))
}

/// The time limit of each of two steps: await the id, send the DELETE.
const ABANDONED_TIMEOUT: Duration = Duration::from_secs(5);
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_is_a_session_id() {
        for (id, valid) in [
            (&b"1868a90c-cf0f"[..], true),
            (b"!~", true),
            (b"", false),
            (b"with space", false),
            (b"umlaut-\xe4", false),
            (b"tab\tinside", false),
        ] {
            let value = HeaderValue::from_bytes(id).unwrap();
            assert_eq!(is_valid_session_id(&value), valid, "{id:?}");
        }
    }
}
