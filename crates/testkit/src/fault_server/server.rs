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

use super::{
    armed::{Armed, When},
    fault::Fault,
    ledger::{Journal, Ledger},
    state::{State, lock},
    wire::Wire,
};
use crate::raw::{Accepts, Line, RawServer};

/// An MCP server with faults on demand, which counts what it executed.
///
/// A call is a request with an id of its own: a call of any tool with the argument `id`, or a read of the
/// resource `call://` followed by the id. The answer has the id as its text. The server writes HTTP by
/// hand, runs on a thread of its own, and stops when dropped.
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
        Self::start_with(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            wire,
            era,
            Journal::default(),
        )
    }

    /// Starts a server at this address that appends the id of each call that it executes to a file,
    /// which [`Ledger::read`] reads, also when the process was killed.
    ///
    /// # Errors
    /// When the file cannot be opened.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn start_at(
        address: SocketAddr,
        wire: Wire,
        era: Lifecycle,
        journal: &Path,
    ) -> io::Result<Self> {
        let journal = Journal::on_disk(journal)?;
        Ok(Self::start_with(address, wire, era, journal))
    }

    fn start_with(address: SocketAddr, wire: Wire, era: Lifecycle, journal: Journal) -> Self {
        let line = Line::default();
        let state = Arc::new(State {
            wire,
            is_stateless: era == Lifecycle::Stateless && wire != Wire::Sse,
            line: line.clone(),
            armed: Mutex::default(),
            journal: Mutex::new(journal),
            sessions: Mutex::default(),
            strikes: AtomicUsize::new(0),
        });
        let replying = Arc::clone(&state);
        let server = RawServer::start_on(address, line, move |request| replying.reply(request));
        Self { state, server }
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

    /// Disarms every fault and accepts connections at once.
    pub fn heal(&self) {
        lock(&self.state.armed).clear();
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
