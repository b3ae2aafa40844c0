//! The HTTP state of one session.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mcp_pool_core::{
    error::{FaultKind, Outcome, SessionCondition},
    extend::{CloseNotifier, Credentials, RequestTarget},
};
use mcp_pool_http::{HttpFault, HttpSession};
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;

/// The HTTP state of one session, shared by its parts.
pub(crate) struct Connection {
    http: reqwest::Client,
    pub(super) http_session: HttpSession,
    pub(super) credentials: Credentials,
    pub(super) limits: Limits,
    /// The URL of the stream.
    pub(super) stream: Url,
    /// The URL for messages. A secret, since it holds the session id.
    pub(super) endpoint: Url,
    pub(super) close_notifier: CloseNotifier,
    /// Cancelled when the session has ended.
    pub(super) ended: CancellationToken,
    /// The negotiated revision, once it is known.
    revision: OnceLock<HeaderValue>,
    initialized: AtomicBool,
    cause: OnceLock<HttpFault>,
}

/// The parts of a new connection.
pub(crate) struct NewConnection {
    pub(crate) http: reqwest::Client,
    pub(crate) http_session: HttpSession,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) stream: Url,
    pub(crate) endpoint: Url,
}

impl Connection {
    pub(super) fn new(new: NewConnection) -> Self {
        Self {
            http: new.http,
            http_session: new.http_session,
            credentials: new.credentials,
            limits: new.limits,
            stream: new.stream,
            endpoint: new.endpoint,
            close_notifier: CloseNotifier::default(),
            ended: CancellationToken::new(),
            revision: OnceLock::new(),
            initialized: AtomicBool::new(false),
            cause: OnceLock::new(),
        }
    }

    /// Ends the session with a fault. The first fault is kept as the cause.
    ///
    /// The stream is the session (revision 2024-11-05, transports): what ends one ends the other.
    pub(super) fn fail(&self, fault: HttpFault) {
        let _ = self.cause.set(fault.with_session(SessionCondition::Gone));
        self.close();
    }

    /// Ends the session: wakes all its waiters and notifies the pool.
    pub(super) fn close(&self) {
        self.ended.cancel();
        self.close_notifier.notify();
    }

    /// Names the revision that every request names from now on.
    pub(super) fn note_revision(&self, revision: &str) {
        if let Ok(revision) = HeaderValue::from_str(revision) {
            let _ = self.revision.set(revision);
        }
    }

    /// Marks the handshake as complete.
    pub(super) fn note_initialized(&self) {
        self.initialized.store(true, Ordering::Release);
    }

    pub(super) fn is_initialized(&self) -> bool {
        self.initialized.load(Ordering::Acquire)
    }

    /// The fault of a request that was in flight when the session ended.
    pub(super) fn interrupted(&self) -> HttpFault {
        self.cause.get().cloned().unwrap_or_else(|| {
            let what = "the session ended before the answer came";
            HttpFault::new(Outcome::Unknown, FaultKind::SessionGone, what)
        })
    }

    /// Where messages go.
    pub(super) fn target(&self) -> RequestTarget<'_> {
        RequestTarget::http(&Method::POST, &self.endpoint)
    }

    /// Builds the POST of a message.
    pub(super) fn request(&self, mut headers: HeaderMap, body: Bytes) -> reqwest::RequestBuilder {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, json.clone());
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(revision) = self.revision.get() {
            headers.insert(REVISION, revision.clone());
        }
        self.http
            .post(self.endpoint.clone())
            .headers(headers)
            .body(body)
    }
}

/// The header that names the negotiated revision (revision 2025-06-18, transports).
const REVISION: HeaderName = HeaderName::from_static("mcp-protocol-version");
