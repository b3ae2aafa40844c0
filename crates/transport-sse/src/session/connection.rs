//! What the parts of one session share.

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

/// What the parts of one session share.
pub(crate) struct Connection {
    pub(crate) http: reqwest::Client,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    /// The address of the stream.
    pub(crate) stream: Url,
    /// Where messages go. As secret as the session's id, which is a part of it.
    pub(crate) endpoint: Url,
    /// Answers that came in the response to a message rather than on the stream.
    pub(crate) answers: UnboundedSender<ServerJsonRpcMessage>,
    pub(crate) close_notifier: CloseNotifier,
    /// Cancelled when the session is over.
    pub(crate) ended: CancellationToken,
    /// Cancelled when the stream is closed, which is all the farewell there is.
    pub(crate) closed: CancellationToken,
    initialized: AtomicBool,
    cause: OnceLock<HttpFault>,
    first_fault: OnceLock<HttpFault>,
}

/// What a connection is made of.
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

    /// The session has come to its end by a fault. The first one says why.
    pub(crate) fn fail(&self, fault: HttpFault) {
        self.note_fault(&fault);
        let _ = self.cause.set(fault);
        self.close();
    }

    /// Ends the session: everybody who waits for something of it is told, and the pool.
    pub(crate) fn close(&self) {
        self.ended.cancel();
        self.close_notifier.notify();
    }

    /// Notes that the handshake is done.
    pub(crate) fn note_initialized(&self) {
        self.initialized.store(true, Ordering::Release);
    }

    pub(crate) fn is_initialized(&self) -> bool {
        self.initialized.load(Ordering::Acquire)
    }

    /// What ended the session, for those whose requests were under way.
    pub(crate) fn interrupted(&self) -> HttpFault {
        let kind = self
            .cause
            .get()
            .map_or(&FaultKind::SessionGone, HttpFault::kind);
        let what = "the session ended before the answer came";
        HttpFault::new(Outcome::Unknown, kind.clone(), what)
    }

    /// Remembers the first fault, which says why a handshake failed.
    pub(crate) fn note_fault(&self, fault: &HttpFault) {
        let _ = self.first_fault.set(fault.clone());
    }

    pub(crate) fn first_fault(&self) -> Option<HttpFault> {
        self.first_fault.get().cloned()
    }

    /// A message on its way.
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
