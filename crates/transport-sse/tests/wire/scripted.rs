//! A server over HTTP+SSE whose every byte a test decides.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use http::{HeaderMap, StatusCode, header};
use mcp_pool_core::{
    Endpoint,
    extend::{ConnectRequest, Connector, HandlerFactory, Session},
};
use mcp_pool_transport_sse::SseConnector;
use serde_json::{Value, json};
use tokio::sync::{
    mpsc::{UnboundedSender, unbounded_channel},
    oneshot,
};

/// What the server does with one message.
#[derive(Default)]
pub(crate) struct Reply {
    /// Bytes for the stream of the message's session.
    pub(crate) stream: String,
    /// The response to the POST; `None` for 202 without a body.
    pub(crate) response: Option<(StatusCode, String)>,
    /// The bytes go to the streams of all sessions.
    pub(crate) broadcast: bool,
}

/// One message as the server received it.
#[derive(Clone)]
pub(crate) struct Posted {
    pub(crate) message: Value,
    pub(crate) headers: HeaderMap,
}

/// A server on threads of its own. It stops when dropped.
pub(crate) struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Script = dyn Fn(&Value) -> Reply + Send + Sync;

struct Shared {
    script: Box<Script>,
    posted: Mutex<Vec<Posted>>,
    streams: Mutex<BTreeMap<String, UnboundedSender<Bytes>>>,
    opened: AtomicUsize,
}

impl Scripted {
    /// Starts a server that answers each message as `script` does.
    pub(crate) fn start(script: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("non-blocking");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            posted: Mutex::default(),
            streams: Mutex::default(),
            opened: AtomicUsize::new(0),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = { runtime }.worker_threads(1).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                // Without it an answer in two writes waits for a delayed acknowledgement.
                let listener = listener.tap_io(|stream| {
                    let _ = stream.set_nodelay(true);
                });
                let route = get(open).post(accept).with_state(serving);
                let served = axum::serve(listener, Router::new().route("/", route));
                tokio::select! {
                    served = served.into_future() => served.expect("a server"),
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::sse(&format!("http://{}/", self.address)).expect("a url")
    }

    pub(crate) async fn connect(&self, connector: &SseConnector) -> Session {
        self.connect_with(connector, None).await
    }

    /// Opens a session with these handlers.
    pub(crate) async fn connect_with(
        &self,
        connector: &SseConnector,
        handlers: Option<Arc<dyn HandlerFactory>>,
    ) -> Session {
        let mut request = ConnectRequest::detached(&self.endpoint(), HeaderMap::new());
        if let Some(handlers) = handlers {
            request = request.with_handlers(handlers);
        }
        connector.connect(&request).await.expect("a session")
    }

    /// Every message so far.
    pub(crate) fn posted(&self) -> Vec<Posted> {
        lock(&self.shared.posted).clone()
    }

    /// The messages of this method.
    pub(crate) fn posted_of(&self, method: &str) -> Vec<Posted> {
        let mut posted = self.posted();
        posted.retain(|posted| posted.message["method"] == method);
        posted
    }

    /// Writes to every open stream.
    pub(crate) fn write(&self, text: &str) {
        self.shared.write(None, text);
    }

    /// Ends every open stream.
    pub(crate) fn end_streams(&self) {
        lock(&self.shared.streams).clear();
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Writes to one stream, or to all.
    fn write(&self, session: Option<&str>, text: &str) {
        for (name, stream) in lock(&self.streams).iter() {
            if session.is_none_or(|session| session == name) {
                let _ = stream.send(Bytes::from(text.to_owned()));
            }
        }
    }
}

/// The answer to `initialize` as an event, and nothing for `initialized`; `None` for the rest.
pub(crate) fn handshake(message: &Value) -> Option<Reply> {
    let stream = match message["method"].as_str()? {
        "initialize" => event(&initialize_answer(message)),
        "notifications/initialized" => String::new(),
        _ => return None,
    };
    Some(Reply {
        stream,
        ..Reply::default()
    })
}

pub(crate) fn initialize_answer(message: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": message["id"], "result": {
        "protocolVersion": "2024-11-05",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "scripted", "version": "1"},
    }})
}

/// The answer to a tool call, with this text.
pub(crate) fn tool_answer(message: &Value, text: &str) -> Value {
    let content = json!([{"type": "text", "text": text}]);
    json!({"jsonrpc": "2.0", "id": message["id"], "result": {"content": content}})
}

/// A message as an event.
pub(crate) fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}

/// Bytes for the stream.
pub(crate) fn stream(stream: impl Into<String>) -> Reply {
    Reply {
        stream: stream.into(),
        ..Reply::default()
    }
}

async fn open(State(shared): State<Arc<Shared>>) -> Response {
    let number = shared.opened.fetch_add(1, Ordering::SeqCst);
    let session = format!("sessionId={number}");
    let (stream, pieces) = unbounded_channel();
    let announcement = format!("event: endpoint\ndata: /?{session}\n\n");
    let _ = stream.send(Bytes::from(announcement));
    lock(&shared.streams).insert(session, stream);
    let pieces = futures::stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((Ok::<_, std::io::Error>(piece), pieces))
    });
    let events = [(header::CONTENT_TYPE, "text/event-stream")];
    (events, Body::from_stream(pieces)).into_response()
}

async fn accept(
    State(shared): State<Arc<Shared>>,
    RawQuery(session): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let message: Value = serde_json::from_slice(&body).expect("a message");
    let reply = (shared.script)(&message);
    lock(&shared.posted).push(Posted { message, headers });
    let session = session.filter(|_| !reply.broadcast);
    if !reply.stream.is_empty() {
        shared.write(session.as_deref(), &reply.stream);
    }
    match reply.response {
        Some((status, text)) => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (status, json, text).into_response()
        }
        None => StatusCode::ACCEPTED.into_response(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
