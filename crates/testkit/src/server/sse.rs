//! The HTTP+SSE side of a server: a session lasts as long as its stream.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use http::{HeaderMap, StatusCode, header};
use rmcp::{
    RoleServer, ServiceExt,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{counter::Counters, request_log::RequestLog};

/// The sessions of one server.
#[derive(Clone)]
pub(super) struct Streams {
    log: Arc<RequestLog>,
    counters: Counters,
    open: Arc<Mutex<BTreeMap<String, Inbox>>>,
}

/// The inbound half of one session.
struct Inbox {
    messages: UnboundedSender<ClientJsonRpcMessage>,
    /// True when the next answer is lost, and the stream with it.
    breaks: Arc<AtomicBool>,
}

/// The outbound half of one session: its stream to the client.
struct Outbox {
    messages: UnboundedReceiver<ServerJsonRpcMessage>,
    breaks: Arc<AtomicBool>,
    announcement: Option<String>,
    session: String,
    streams: Streams,
}

/// The server's end of a session.
struct Pipe {
    inbox: UnboundedReceiver<ClientJsonRpcMessage>,
    outbox: UnboundedSender<ServerJsonRpcMessage>,
}

impl Streams {
    pub(super) fn new(log: Arc<RequestLog>, counters: Counters) -> Self {
        Self {
            log,
            counters,
            open: Arc::default(),
        }
    }

    /// The route that answers requests for a stream.
    pub(super) fn stream(&self) -> MethodRouter {
        get(open).with_state(self.clone())
    }

    /// The route that accepts messages.
    pub(super) fn messages(self) -> Router {
        Router::new().route(MESSAGES, post(accept)).with_state(self)
    }

    /// Loses the next answer of this session, and its stream with it.
    pub(super) fn lose_answer(&self, session: &str) {
        if let Some(inbox) = self.lock().get(session) {
            inbox.breaks.store(true, Ordering::SeqCst);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Inbox>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// The next piece of the stream.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if let Some(announcement) = self.announcement.take() {
            return Some(Ok(announcement.into()));
        }
        let message = self.messages.recv().await?;
        if self.breaks.load(Ordering::SeqCst)
            && !matches!(message, ServerJsonRpcMessage::Request(_))
        {
            return Some(Err(io::Error::other("the answer is lost")));
        }
        let text = serde_json::to_string(&message).expect("a message is json");
        Some(Ok(format!("event: message\ndata: {text}\n\n").into()))
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.streams.lock().remove(&self.session);
        self.streams.log.note_closed(&self.session);
    }
}

impl Transport<RoleServer> for Pipe {
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let sent = self.outbox.send(message);
        std::future::ready(sent.map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.inbox.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The session id in a query.
pub(super) fn session_in(query: &str) -> Option<&str> {
    let mut pairs = query.split('&');
    pairs.find_map(|pair| pair.strip_prefix(NAME)?.strip_prefix('='))
}

async fn open(State(streams): State<Streams>, headers: HeaderMap) -> Response {
    if headers.contains_key("mcp-session-id") {
        // This is a request for the stream of Streamable HTTP, which this route does not offer.
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let session = format!("{:016x}", RandomState::new().build_hasher().finish());
    let (messages, inbox) = unbounded_channel();
    let (outbox, answers) = unbounded_channel();
    let breaks = Arc::new(AtomicBool::new(false));
    let entry = Inbox {
        messages,
        breaks: Arc::clone(&breaks),
    };
    streams.lock().insert(session.clone(), entry);
    streams.log.note_opened(session.clone());
    let counter = streams.counters.handler();
    tokio::spawn(async move {
        if let Ok(running) = counter.serve(Pipe { inbox, outbox }).await {
            let _ = running.waiting().await;
        }
    });
    let announcement = format!("event: endpoint\ndata: {MESSAGES}?{NAME}={session}\n\n");
    let outbox = Outbox {
        messages: answers,
        breaks,
        announcement: Some(announcement),
        session,
        streams,
    };
    let pieces = futures::stream::unfold(outbox, |mut outbox| async move {
        outbox.next().await.map(|piece| (piece, outbox))
    });
    let events = [(header::CONTENT_TYPE, "text/event-stream")];
    (events, Body::from_stream(pieces)).into_response()
}

async fn accept(
    State(streams): State<Streams>,
    Query(query): Query<BTreeMap<String, String>>,
    Json(message): Json<ClientJsonRpcMessage>,
) -> Response {
    let streams = streams.lock();
    let inbox = query.get(NAME).and_then(|session| streams.get(session));
    match inbox.is_some_and(|inbox| inbox.messages.send(message).is_ok()) {
        true => (StatusCode::ACCEPTED, "Accepted").into_response(),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

const MESSAGES: &str = "/messages";
const NAME: &str = "sessionId";
