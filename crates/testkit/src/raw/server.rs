//! The server.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mcp_pool_core::{Endpoint, config::Lifecycle};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    http::read,
    reply::{End, Reply},
    request::RawRequest,
    streams::{Streams, reset, run},
};

/// A server over Streamable HTTP or HTTP+SSE that runs a script for each request, and may break off anywhere.
///
/// It records every request, runs on a thread of its own, and stops when dropped.
///
/// ```
/// use mcp_pool_testkit::{RawServer, Reply};
///
/// let server = RawServer::start(|request| match request.tool() {
///     "cut" => Reply::cut(),
///     _ => request.plain_reply("session"),
/// });
/// assert_eq!(server.count("tools/call"), 0);
/// ```
pub struct RawServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepts: watch::Sender<bool>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<dyn Fn(&RawRequest) -> Reply + Send + Sync>,
    seen: Mutex<Vec<RawRequest>>,
    connections: AtomicUsize,
    streams: Streams,
    listens: AtomicBool,
}

impl RawServer {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(script: impl Fn(&RawRequest) -> Reply + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            streams: Streams::default(),
            listens: AtomicBool::new(true),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        listener
            .set_nonblocking(true)
            .expect("a non-blocking listener");
        let stop = CancellationToken::new();
        let (accepts, accepting) = watch::channel(true);
        let (stopped, serving) = (stop.clone(), Arc::clone(&shared));
        let thread = thread::spawn(move || serve(listener, &serving, accepting, &stopped));
        Self {
            shared,
            address,
            accepts,
            stop,
            thread: Some(thread),
        }
    }

    /// The server's address, in an era.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn endpoint(&self, lifecycle: Lifecycle) -> Endpoint {
        let endpoint = Endpoint::streamable_http(&self.url());
        let endpoint = endpoint.expect("a loopback address makes a valid url");
        endpoint.with_lifecycle(lifecycle)
    }

    /// The server's address over HTTP+SSE.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn sse_endpoint(&self) -> Endpoint {
        let url = format!("http://{}/sse", self.address);
        Endpoint::sse(&url).expect("a loopback address makes a valid url")
    }

    /// The number of open streams over HTTP+SSE.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.shared.streams.count()
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Refuses connections from now on, and keeps those that are open.
    pub fn refuse_connections(&self) {
        self.accepts.send_replace(false);
        while self.shared.listens.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Accepts connections again.
    pub fn accept_connections(&self) {
        self.accepts.send_replace(true);
    }

    /// Every request so far, in the order of arrival.
    #[must_use]
    pub fn seen(&self) -> Vec<RawRequest> {
        self.shared.seen().clone()
    }

    /// The number of requests with this JSON-RPC or HTTP method.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        let seen = self.shared.seen();
        seen.iter().filter(|seen| seen.method() == method).count()
    }

    /// The number of connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for RawServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Vec<RawRequest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(
    listener: std::net::TcpListener,
    shared: &Arc<Shared>,
    accepts: watch::Receiver<bool>,
    stop: &CancellationToken,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the test server");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listening socket");
        tokio::select! {
            () = stop.cancelled() => {}
            () = accept(listener, shared, accepts) => {}
        }
    });
}

/// Accepts connections. While the server refuses them, no one listens.
async fn accept(
    mut listener: TcpListener,
    shared: &Arc<Shared>,
    mut accepts: watch::Receiver<bool>,
) {
    let address = listener.local_addr().expect("a bound socket");
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                tokio::spawn(converse(stream, Arc::clone(shared)));
                continue;
            }
            changed = accepts.changed() => if changed.is_err() { return },
        }
        if !*accepts.borrow_and_update() {
            drop(listener);
            shared.listens.store(false, Ordering::SeqCst);
            let _ = accepts.wait_for(|accepts| *accepts).await;
            listener = TcpListener::bind(address).await.expect("the port is free");
            shared.listens.store(true, Ordering::SeqCst);
        }
    }
}

/// Serves one connection.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut place = 0;
    while let Ok(Some(parts)) = read(&mut reader).await {
        let request = RawRequest {
            http_method: parts.method,
            target: parts.target,
            headers: parts.headers,
            message: serde_json::from_slice(&parts.body).unwrap_or_default(),
            connection,
            place,
        };
        place += 1;
        shared.seen().push(request.clone());
        let reply = (shared.script)(&request);
        sleep(reply.pause).await;
        // A client may send its first message as soon as the first bytes are there.
        let stream = match &reply.end {
            End::Stream(session) => Some(shared.streams.open(session)),
            _ => None,
        };
        if writer.write_all(&reply.bytes).await.is_err() {
            return;
        }
        for (session, what) in reply.on_streams {
            shared.streams.push(&session, what);
        }
        if let Some(stream) = stream {
            return run(stream, reader, writer).await;
        }
        match reply.end {
            End::Keep => {}
            End::Close | End::Stream(_) => return,
            End::Hang => std::future::pending().await,
            End::Reset => {
                reset(writer);
                return;
            }
        }
    }
}
