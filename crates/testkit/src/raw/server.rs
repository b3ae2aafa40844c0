//! The server.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mcp_pool_core::{Endpoint, config::Lifecycle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    converse::converse,
    line::{Accepts, Line, bind},
    reply::Reply,
    request::RawRequest,
    shared::{Seen, Shared},
    socket::Handshake,
    streams::Streams,
};
use crate::accepting::next_connection;

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
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl RawServer {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(script: impl Fn(&RawRequest) -> Reply + Send + Sync + 'static) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let seen = Seen::keeping();
        Self::start_with(address, Line::default(), None, seen, script).expect("a free port")
    }

    /// Starts a server at this address, whose connections the line controls. It counts its requests and
    /// keeps none of them.
    ///
    /// # Errors
    /// When the port is taken.
    pub(crate) fn start_on(
        address: SocketAddr,
        line: Line,
        handshake: Option<Arc<dyn Handshake>>,
        script: impl Fn(&RawRequest) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_with(address, line, handshake, Seen::default(), script)
    }

    fn start_with(
        address: SocketAddr,
        line: Line,
        handshake: Option<Arc<dyn Handshake>>,
        seen: Seen,
        script: impl Fn(&RawRequest) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::new(seen),
            connections: AtomicUsize::new(0),
            streams: Streams::default(),
            listens: AtomicBool::new(true),
            line,
            handshake,
        });
        let listener = bind(address)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let (stopped, serving) = (stop.clone(), Arc::clone(&shared));
        let thread = thread::spawn(move || serve(listener, &serving, &stopped));
        Ok(Self {
            shared,
            address,
            stop,
            thread: Some(thread),
        })
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
        let url = format!("{}/sse", self.origin());
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
        format!("{}/mcp", self.origin())
    }

    fn origin(&self) -> String {
        match self.shared.handshake {
            Some(_) => format!("https://{}", self.address),
            None => format!("http://{}", self.address),
        }
    }

    /// Refuses connections from now on, and keeps those that are open.
    pub fn refuse_connections(&self) {
        self.shared.line.set(Accepts::Never);
        while self.shared.listens.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Accepts connections again.
    pub fn accept_connections(&self) {
        self.shared.line.set(Accepts::Now);
    }

    /// Every request so far, in the order of arrival.
    #[must_use]
    pub fn seen(&self) -> Vec<RawRequest> {
        self.shared.seen().requests()
    }

    /// The number of requests with this JSON-RPC or HTTP method.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.shared.seen().count(method)
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

fn serve(listener: std::net::TcpListener, shared: &Arc<Shared>, stop: &CancellationToken) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the test server");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listening socket");
        tokio::select! {
            () = stop.cancelled() => {}
            () = accept(listener, shared) => {}
        }
    });
}

/// Accepts connections. While the server refuses them, no one listens.
async fn accept(mut listener: TcpListener, shared: &Arc<Shared>) {
    let address = listener.local_addr().expect("a bound socket");
    let line = &shared.line;
    loop {
        match line.accepts() {
            Accepts::Now => tokio::select! {
                stream = next_connection(&listener) => {
                    tokio::spawn(converse(stream, Arc::clone(shared)));
                }
                () = line.change_from(Accepts::Now) => {}
            },
            Accepts::Later => line.change_from(Accepts::Later).await,
            Accepts::Never => {
                drop(listener);
                shared.listens.store(false, Ordering::SeqCst);
                line.change_from(Accepts::Never).await;
                listener = TcpListener::bind(address).await.expect("the port is free");
                shared.listens.store(true, Ordering::SeqCst);
            }
        }
    }
}
