//! The HTTP state of one session.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{CloseNotifier, Credentials},
};
use mcp_pool_http::HttpFault;
use reqwest::Url;
use rmcp::model::ServerJsonRpcMessage;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;

/// The HTTP state of one session, shared by its parts.
pub(crate) struct Connection {
    pub(crate) http: reqwest::Client,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    /// The URL of the stream.
    pub(crate) stream: Url,
    /// The URL for messages. A secret, since it holds the session id.
    pub(crate) endpoint: Url,
    /// Takes answers that came in the response to a POST, not on the stream.
    pub(crate) answers: UnboundedSender<ServerJsonRpcMessage>,
    pub(crate) close_notifier: CloseNotifier,
    /// Cancelled when the session has ended.
    pub(crate) ended: CancellationToken,
    /// Cancelled when the stream is closed, which the server takes as the end.
    pub(crate) closed: CancellationToken,
    initialized: AtomicBool,
    cause: OnceLock<HttpFault>,
    first_fault: OnceLock<HttpFault>,
}

/// The parts of a new connection.
pub(crate) struct NewConnection {
    pub(crate) http: reqwest::Client,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) stream: Url,
    pub(crate) endpoint: Url,
    pub(crate) answers: UnboundedSender<ServerJsonRpcMessage>,
    pub(crate) closed: CancellationToken,
}

impl Connection {
    pub(crate) fn new(new: NewConnection) -> Arc<Self> {
        Arc::new(Self {
            http: new.http,
            credentials: new.credentials,
            limits: new.limits,
            stream: new.stream,
            endpoint: new.endpoint,
            answers: new.answers,
            close_notifier: CloseNotifier::default(),
            ended: CancellationToken::new(),
            closed: new.closed,
            initialized: AtomicBool::new(false),
            cause: OnceLock::new(),
            first_fault: OnceLock::new(),
        })
    }

    /// Ends the session with a fault. The first fault is kept as the cause.
    pub(crate) fn fail(&self, fault: HttpFault) {
        self.note_fault(&fault);
        let _ = self.cause.set(fault);
        self.close();
    }

    /// Ends the session: wakes all its waiters and notifies the pool.
    pub(crate) fn close(&self) {
        self.ended.cancel();
        self.close_notifier.notify();
    }

    /// Marks the handshake as complete.
    pub(crate) fn note_initialized(&self) {
        self.initialized.store(true, Ordering::Release);
    }

    pub(crate) fn is_initialized(&self) -> bool {
        self.initialized.load(Ordering::Acquire)
    }

    /// The fault of a request that was in flight when the session ended.
    pub(crate) fn interrupted(&self) -> HttpFault {
        let kind = self
            .cause
            .get()
            .map_or(&FaultKind::SessionGone, HttpFault::kind);
        let what = "the session ended before the answer came";
        HttpFault::new(Outcome::Unknown, kind.clone(), what)
    }

    /// Keeps the first fault, which is the cause of a failed handshake.
    pub(crate) fn note_fault(&self, fault: &HttpFault) {
        let _ = self.first_fault.set(fault.clone());
    }

    pub(crate) fn first_fault(&self) -> Option<HttpFault> {
        self.first_fault.get().cloned()
    }

    /// Builds the POST of a message.
    pub(crate) fn request(&self, mut headers: HeaderMap, body: Bytes) -> reqwest::RequestBuilder {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, json.clone());
        headers.insert(header::CONTENT_TYPE, json);
        self.http
            .post(self.endpoint.clone())
            .headers(headers)
            .body(body)
    }
}
