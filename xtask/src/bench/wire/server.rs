//! A light MCP server on a thread of its own, so that its share of the process is known.

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use cpu_time::ThreadTime;
use http::{Method, StatusCode, Uri, header};
use rmcp::model::{
    CallToolResult, ContentBlock, DiscoverResult, InitializeResult, ProtocolVersion,
    ServerCapabilities,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    net::TcpListener,
    runtime::Builder,
    sync::{mpsc::UnboundedReceiver, mpsc::UnboundedSender, mpsc::unbounded_channel, oneshot},
};

use super::form::Form;
use crate::Result;

/// A running server. It ends when it is dropped.
///
/// It keeps no state of a session, so that 100,000 of them cost the client alone.
pub(super) struct Server {
    address: SocketAddr,
    counts: Arc<Counts>,
    /// Each sender gets the CPU time of the server's thread.
    readings: UnboundedSender<oneshot::Sender<Duration>>,
}

/// The requests so far.
#[derive(Default)]
struct Counts {
    all: AtomicU64,
    deleted: AtomicU64,
    streams: AtomicU64,
}

/// What the handler needs.
struct Answers {
    counts: Arc<Counts>,
    sessions: AtomicU64,
    initialize: String,
    discover: String,
    call: String,
}

/// The parts of a message that its answer depends on.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
}

impl Server {
    pub(super) fn start() -> Result<Self> {
        let counts = Arc::new(Counts::default());
        let answers = Arc::new(Answers::new(Arc::clone(&counts))?);
        let (readings, requested) = unbounded_channel();
        let (started, address) = mpsc::channel();
        thread::spawn(move || serve(answers, requested, &started));
        Ok(Self {
            address: address.recv()??,
            counts,
            readings,
        })
    }

    /// The address of the endpoint that answers in this form.
    pub(super) fn url(&self, form: Form) -> String {
        form.url(self.address)
    }

    /// The CPU time of the server so far.
    pub(super) fn cpu(&self) -> Duration {
        let (sender, receiver) = oneshot::channel();
        let sent = self.readings.send(sender);
        sent.expect("the server runs as long as it is not dropped");
        let time = futures::executor::block_on(receiver);
        time.expect("the server runs as long as it is not dropped")
    }

    /// The number of HTTP requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.counts.all.load(Ordering::SeqCst)
    }

    /// The number of sessions closed so far.
    pub(super) fn deleted(&self) -> u64 {
        self.counts.deleted.load(Ordering::SeqCst)
    }

    /// The number of standalone streams refused so far.
    pub(super) fn streams(&self) -> u64 {
        self.counts.streams.load(Ordering::SeqCst)
    }
}

/// Serves until the owner drops its end of the channel.
fn serve(
    answers: Arc<Answers>,
    mut requested: UnboundedReceiver<oneshot::Sender<Duration>>,
    started: &mpsc::Sender<std::io::Result<SocketAddr>>,
) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the server");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = match listener.and_then(|it| Ok((it.local_addr()?, it))) {
            Ok((address, listener)) => {
                let _ = started.send(Ok(address));
                listener
            }
            Err(error) => return drop(started.send(Err(error))),
        };
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().fallback(answer).with_state(answers);
        tokio::spawn(async move { axum::serve(listener, router).await });
        while let Some(reading) = requested.recv().await {
            let _ = reading.send(ThreadTime::now().as_duration());
        }
    });
}

impl Answers {
    fn new(counts: Arc<Counts>) -> Result<Self> {
        let capabilities = || ServerCapabilities::builder().enable_tools().build();
        let initialize = InitializeResult::new(capabilities())
            .with_protocol_version(ProtocolVersion::V_2025_11_25);
        let discover = DiscoverResult::new(vec![ProtocolVersion::V_2026_07_28], capabilities());
        let call = CallToolResult::success(vec![ContentBlock::text("1")]);
        Ok(Self {
            counts,
            sessions: AtomicU64::default(),
            initialize: serde_json::to_string(&initialize)?,
            discover: serde_json::to_string(&discover)?,
            call: serde_json::to_string(&call)?,
        })
    }

    fn post(&self, form: Form, body: &[u8]) -> Response {
        let Ok(message) = serde_json::from_slice::<Message<'_>>(body) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let Some(id) = message.id else {
            return StatusCode::ACCEPTED.into_response();
        };
        let result = match &*message.method {
            "initialize" => &self.initialize,
            "server/discover" => &self.discover,
            "tools/call" => &self.call,
            _ => "{}",
        };
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        let mut response = match form {
            Form::Events => event(&text),
            Form::Json | Form::Stateless => {
                ([(header::CONTENT_TYPE, "application/json")], text).into_response()
            }
        };
        if message.method == "initialize" {
            let number = self.sessions.fetch_add(1, Ordering::Relaxed);
            let id = format!("{number:032x}").parse();
            let headers = response.headers_mut();
            headers.insert(SESSION_ID, id.expect("digits make a header value"));
        }
        response
    }
}

/// An event stream of one message, of a length that its headers do not name.
fn event(text: &str) -> Response {
    let event = Ok::<_, std::io::Error>(format!("event: message\ndata: {text}\n\n"));
    let body = Body::from_stream(futures::stream::iter([event]));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

async fn answer(
    State(answers): State<Arc<Answers>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let counts = &answers.counts;
    let counted = match method {
        Method::DELETE => &counts.deleted,
        Method::GET => &counts.streams,
        _ => {
            counts.all.fetch_add(1, Ordering::SeqCst);
            return match Form::of_path(uri.path()) {
                Some(form) => answers.post(form, &body),
                None => StatusCode::NOT_FOUND.into_response(),
            };
        }
    };
    counts.all.fetch_add(1, Ordering::SeqCst);
    counted.fetch_add(1, Ordering::SeqCst);
    match method {
        Method::DELETE => StatusCode::OK.into_response(),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

const SESSION_ID: &str = "mcp-session-id";
