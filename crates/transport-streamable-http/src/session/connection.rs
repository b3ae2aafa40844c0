//! One session's way to its server: every request of the session leaves here.

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

/// One session's way to its server.
pub(crate) struct Connection {
    http: reqwest::Client,
    endpoint: Endpoint,
    credentials: Credentials,
    pub(crate) era: Era,
    /// Whether anybody wants the standalone stream.
    pub(crate) wants_stream: bool,
    /// Whether it is of no use without.
    pub(crate) needs_stream: bool,
    pub(crate) close_notifier: CloseNotifier,
    /// What became of the standalone stream.
    pub(crate) stream: watch::Sender<StreamState>,
    /// The request that opens the session, which is finished whoever still waits for it: only its
    /// response tells the id of a session that is then to be closed.
    pub(crate) initializing: TaskTracker,
    /// Event streams in a row that failed or had nothing to say.
    pub(crate) idle_streams: AtomicUsize,
    session: OnceLock<HeaderValue>,
    revision: OnceLock<HeaderValue>,
    deleted: OnceCell<CloseOutcome>,
    fault: Mutex<Option<HttpFault>>,
}

/// What a connection is made of.
pub(crate) struct NewConnection {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Credentials,
    pub(crate) era: Era,
    pub(crate) wants_stream: bool,
    pub(crate) needs_stream: bool,
}

/// What became of the standalone stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamState {
    /// The server offers none, or the session wants none.
    Absent,
    Failed,
    Open,
    /// Not asked for yet, or not answered.
    Unknown,
}

/// One request.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) call: Option<CallContext>,
    pub(crate) body: Option<Bytes>,
    pub(crate) last_event_id: Option<String>,
    /// What the protocol adds.
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

    /// Sends a request; asks for new credentials and repeats it once when they are refused.
    ///
    /// A 401 says that nothing was executed, so that repeating is safe.
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

    /// Takes the session id out of the response that opened the session.
    ///
    /// # Errors
    /// The id is not what the protocol allows: visible ASCII (revision 2025-11-25, transports).
    /// Where there are no sessions, an id is kept for nothing but its farewell.
    pub(crate) fn note_session(&self, response: &HeaderMap) -> Result<(), HttpFault> {
        let Some(id) = response.get(SESSION_ID) else {
            return Ok(());
        };
        let mut id = id.clone();
        id.set_sensitive(true);
        let valid = is_valid_session_id(&id);
        // Even an invalid one, so that the session it names is closed.
        let _ = self.session.set(id);
        if valid || self.era == Era::Stateless {
            return Ok(());
        }
        let what = "the session id is empty or holds other bytes than 0x21 to 0x7E";
        Err(HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what))
    }

    /// The id of the session, where the server gave it one.
    pub(crate) fn session_id(&self) -> Option<&str> {
        self.session.get()?.to_str().ok()
    }

    pub(crate) fn is_in_session(&self) -> bool {
        self.era == Era::Legacy && self.session.get().is_some()
    }

    /// Says farewell, once, whoever asks for it and however often.
    pub(crate) async fn delete_session(&self) -> CloseOutcome {
        *self.deleted.get_or_init(|| self.send_delete()).await
    }

    /// Closes a session that was opened in vain, once the server has said which one it is.
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
            // A server that does not let clients end sessions says so by 405, and one that does
            // not know the session any more by 404.
            Ok(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND) => CloseOutcome::Completed,
            Ok(status) if status.is_success() => CloseOutcome::Completed,
            _ => CloseOutcome::Failed,
        }
    }

    /// Remembers the first fault, which says why a handshake failed.
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

    /// Counts one more stream that failed or said nothing. Returns how many it were in a row.
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

    /// Adds what the protocol wants to the headers of a request.
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

    /// Remembers the negotiated revision, which every later request has to name, the last one too.
    /// Where there are no sessions, each request says so itself.
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

/// How long a session that was opened in vain may take to be closed, in each of two steps.
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
