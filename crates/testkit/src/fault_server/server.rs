//! The server.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use mcp_pool_core::{Endpoint, config::Lifecycle};

#[cfg(feature = "tls")]
use super::certificates::{Certificates, authority_pem};
use super::{
    faults::{Armed, Fault, When},
    ledger::{Journal, Ledger},
    state::{State, lock},
    wire::Wire,
};
use crate::raw::{Accepts, Handshake, Line, RawServer};

/// An MCP server with faults on demand, which counts what it executed.
///
/// A call is a request with an id of its own: a call of any tool with the argument `id`, or a read of the
/// resource `call://` followed by the id. The answer has the id as its text. The tool `increment`
/// adds one to the counter of its session, and its answer is the count. The server writes HTTP by hand, runs
/// on a thread of its own, and stops when dropped. It counts its requests and keeps none of them.
///
/// ```
/// use mcp_pool_core::config::Lifecycle;
/// use mcp_pool_testkit::{Fault, FaultServer, When, Wire};
///
/// let server = FaultServer::start(Wire::Json, Lifecycle::Legacy);
/// server.arm(Fault::ReplyLost, When::Nth("tools/call".to_owned(), 2));
/// // ... the second call is executed, and its answer is lost.
/// assert_eq!(server.ledger().executions("a call"), 0);
/// ```
#[derive(Debug)]
pub struct FaultServer {
    state: Arc<State>,
    server: RawServer,
}

impl FaultServer {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// Without an era, and over HTTP+SSE, it has sessions.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(wire: Wire, era: Lifecycle) -> Self {
        Self::builder(wire, era).start().expect("a free port")
    }

    /// Returns a builder of a server with this transport in this era.
    ///
    /// Without an era, and over HTTP+SSE, the server has sessions.
    pub fn builder(wire: Wire, era: Lifecycle) -> FaultServerBuilder {
        FaultServerBuilder::new(wire, era)
    }

    /// The authority of every server over TLS of this process, as PEM.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn authority() -> &'static str {
        authority_pem()
    }

    /// The server's address, in its era.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        match (self.state.wire, self.state.is_stateless) {
            (Wire::Sse, _) => self.server.sse_endpoint(),
            (_, true) => self.server.endpoint(Lifecycle::Stateless),
            (_, false) => self.server.endpoint(Lifecycle::Legacy),
        }
    }

    /// Arms a fault. Of several that meet a request the one that was armed first strikes.
    pub fn arm(&self, fault: Fault, when: When) {
        lock(&self.state.armed).push(Armed::new(fault, when));
    }

    /// Disarms every fault, goes on after a standstill and accepts connections at once.
    pub fn heal(&self) {
        lock(&self.state.armed).clear();
        self.state.line.go_on();
        self.state.line.set(Accepts::Now);
    }

    /// How many requests a fault struck.
    #[must_use]
    pub fn strikes(&self) -> usize {
        self.state.strikes.load(Ordering::SeqCst)
    }

    /// What was executed so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        lock(&self.state.journal).ledger.clone()
    }

    /// The number of sessions that are open and that their clients know. Over HTTP+SSE a session lasts
    /// as long as its stream.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        match self.state.wire {
            Wire::Sse => self.server.open_streams(),
            Wire::Events | Wire::Json => lock(&self.state.sessions).open_count(),
        }
    }

    /// The number of requests with this JSON-RPC or HTTP method.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.server.count(method)
    }
}

/// How a fault server starts. Made by [`FaultServer::builder`].
#[derive(Debug)]
#[must_use]
pub struct FaultServerBuilder {
    address: SocketAddr,
    wire: Wire,
    era: Lifecycle,
    journal: Journal,
    #[cfg(feature = "tls")]
    certificates: Option<Arc<Certificates>>,
}

impl FaultServerBuilder {
    fn new(wire: Wire, era: Lifecycle) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            wire,
            era,
            journal: Journal::default(),
            #[cfg(feature = "tls")]
            certificates: None,
        }
    }

    /// Binds this address. Default: a free port of the loopback interface.
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Appends the id of each call that is executed to a file, which [`Ledger::read`](super::Ledger::read)
    /// reads, also when the process was killed. Default: no file.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn with_journal(mut self, journal: &Path) -> io::Result<Self> {
        self.journal = Journal::on_disk(journal)?;
        Ok(self)
    }

    /// Serves over TLS, with a certificate of [`FaultServer::authority`] for `localhost`, `127.0.0.1` and
    /// `::1`. Default: in the clear.
    #[cfg(feature = "tls")]
    pub fn secure(mut self) -> Self {
        self.certificates = Some(Arc::new(Certificates::new()));
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(self) -> io::Result<FaultServer> {
        let line = Line::default();
        let state = Arc::new(State {
            wire: self.wire,
            is_stateless: self.era == Lifecycle::Stateless && self.wire != Wire::Sse,
            line: line.clone(),
            armed: Mutex::default(),
            journal: Mutex::new(self.journal),
            sessions: Mutex::default(),
            strikes: AtomicUsize::new(0),
            #[cfg(feature = "tls")]
            certificates: self.certificates.clone(),
        });
        #[cfg(feature = "tls")]
        let handshake = self.certificates.map(|it| it as Arc<dyn Handshake>);
        #[cfg(not(feature = "tls"))]
        let handshake: Option<Arc<dyn Handshake>> = None;
        let replying = Arc::clone(&state);
        let reply = move |request: &_| replying.reply(request);
        let server = RawServer::start_on(self.address, line, handshake, reply)?;
        Ok(FaultServer { state, server })
    }
}
