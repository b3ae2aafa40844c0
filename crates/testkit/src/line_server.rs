//! A server that speaks in lines, for transports without HTTP.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use http::HeaderMap;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    runtime::Runtime,
    sync,
};
use tokio_util::sync::CancellationToken;

use crate::{
    accepting::next_connection,
    server::{Seen, Switches},
};

/// A server with sessions that speaks JSON in lines: each connection to its port of the loopback
/// interface, and each stream that it is given to [serve](Self::serve), is a session with a counter.
///
/// Its tools are `increment`, `count` and `wait` of a [`CounterServer`](crate::server::CounterServer).
/// Of the [switches], those that make it slow, hang or lose replies have an effect. It runs on threads
/// of its own and stops when dropped.
///
/// [switches]: Switches
#[derive(Debug)]
pub struct LineServer {
    address: SocketAddr,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Default)]
struct State {
    switches: Switches,
    seen: Mutex<Vec<Seen>>,
    open: AtomicUsize,
    /// Cancelled to close the connections of now.
    connections: Mutex<CancellationToken>,
}

/// One session: open from the answer to `initialize` to the end of its connection.
struct Session {
    state: Arc<State>,
    count: AtomicU64,
    is_open: AtomicUsize,
    writer: sync::Mutex<Pin<Box<dyn AsyncWrite + Send>>>,
}

impl LineServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When the system has no port or no thread.
    #[must_use]
    pub fn start() -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads");
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
        let listener = listener.expect("a port of the loopback interface");
        let address = listener.local_addr().expect("an address");
        let is_set = listener.set_nonblocking(true);
        is_set.expect("a listener can be made non-blocking");
        let state = Arc::<State>::default();
        runtime.spawn(listen(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            runtime: Some(runtime),
        }
    }

    /// The address to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves a session over this stream: the server's end of a pipe in memory
    /// ([`tokio::io::duplex`]) or of another kind of socket. Ends when the stream or the server does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use mcp_pool_testkit::LineServer;
    ///
    /// let server = LineServer::start();
    /// let (client, end) = tokio::io::duplex(64 * 1024);
    /// server.serve(end);
    /// # drop(client);
    /// # }
    /// ```
    ///
    /// A stream that a stopped server is given is dropped.
    pub fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(until_closed(stream, Arc::clone(&self.state)));
        }
    }

    /// The switches that control the server.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.state.switches
    }

    /// Every request so far, without headers.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen().clone()
    }

    /// The number of open sessions.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// Closes every connection. A line that a client writes afterwards has no effect.
    pub fn forget_sessions(&self) {
        let mut connections = self.state.connections();
        std::mem::take(&mut *connections).cancel();
    }

    /// Stops the server and closes every connection.
    pub fn stop(&mut self) {
        self.forget_sessions();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for LineServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    fn seen(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(listener: std::net::TcpListener, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).expect("a runtime");
    loop {
        let connection = next_connection(&listener).await;
        tokio::spawn(until_closed(connection, Arc::clone(&state)));
    }
}

/// Serves a connection until it ends, a reply is lost, or the server closes its connections of now.
fn until_closed(
    connection: impl AsyncRead + AsyncWrite + Send + 'static,
    state: Arc<State>,
) -> impl Future<Output = ()> + Send {
    let closed = state.connections().clone();
    let session = serve(connection, state, closed.clone());
    async move {
        tokio::select! {
            () = closed.cancelled() => {}
            () = session => {}
        }
    }
}

/// Serves a connection until it ends, a reply is lost, or a line comes after the connection was closed.
async fn serve(
    connection: impl AsyncRead + AsyncWrite + Send + 'static,
    state: Arc<State>,
    closed: CancellationToken,
) {
    let (reader, writer) = tokio::io::split(connection);
    let session = Arc::new(Session {
        state,
        count: AtomicU64::new(0),
        is_open: AtomicUsize::new(0),
        writer: sync::Mutex::new(Box::pin(writer)),
    });
    let mut calls = tokio::task::JoinSet::new();
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // The task is cancelled only when it runs again, perhaps after the client's next line.
        if closed.is_cancelled() {
            return;
        }
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let method = message["method"].as_str().unwrap_or("response").to_owned();
        session.state.seen().push(Seen {
            method: method.clone(),
            session: None,
            headers: HeaderMap::new(),
            message: message.clone(),
        });
        let switches = &session.state.switches;
        if switches.hangs(&method) {
            continue;
        }
        if switches.loses_reply(&method) {
            drop(session.result(&method, &message).await);
            return;
        }
        let session = Arc::clone(&session);
        let answer = async move { session.answer(&method, &message).await };
        // `initialize` comes before everything else.
        match calls.is_empty() && line.contains("\"initialize\"") {
            true => answer.await,
            false => drop(calls.spawn(answer)),
        }
    }
}

impl Session {
    async fn answer(&self, method: &str, message: &Value) {
        if message["id"].is_null() || message["method"].is_null() {
            return;
        }
        let mut answer = json!({ "jsonrpc": "2.0", "id": message["id"] });
        match self.result(method, message).await {
            Some(result) => answer["result"] = result,
            None => answer["error"] = json!({ "code": -32601, "message": "no such method" }),
        }
        let line = format!("{answer}\n");
        let mut writer = self.writer.lock().await;
        // A client that is gone wants no answer.
        let _ = writer.write_all(line.as_bytes()).await;
    }

    async fn result(&self, method: &str, message: &Value) -> Option<Value> {
        match method {
            "initialize" => {
                tokio::time::sleep(self.state.switches.initialize_delay()).await;
                if self.is_open.swap(1, Ordering::SeqCst) == 0 {
                    self.state.open.fetch_add(1, Ordering::SeqCst);
                }
                Some(json!({
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": { "tools": {} },
                    "serverInfo": { "name": "lines", "version": "1" },
                }))
            }
            "ping" => Some(json!({})),
            "tools/list" => Some(json!({ "tools": [
                { "name": "increment", "inputSchema": { "type": "object" } },
            ] })),
            "tools/call" => {
                let count = self.call(message["params"]["name"].as_str()?).await?;
                Some(json!({ "content": [{ "type": "text", "text": count.to_string() }] }))
            }
            _ => None,
        }
    }

    async fn call(&self, tool: &str) -> Option<u64> {
        match tool {
            "increment" => Some(self.count.fetch_add(1, Ordering::SeqCst) + 1),
            "count" => Some(self.count.load(Ordering::SeqCst)),
            "wait" => {
                let switches = &self.state.switches;
                tokio::time::sleep(switches.tool_delay()).await;
                if let Some(gathering) = switches.gathering() {
                    gathering.wait().await;
                }
                Some(self.count.load(Ordering::SeqCst))
            }
            _ => None,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.state
            .open
            .fetch_sub(*self.is_open.get_mut(), Ordering::SeqCst);
    }
}
