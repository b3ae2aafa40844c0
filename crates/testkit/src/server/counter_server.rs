//! The server of most tests: a counter a session.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use mcp_pool_core::Endpoint;

use super::{
    barrier,
    modes::Modes,
    request_log::{RequestLog, Seen},
    run::Running,
    switches::Switches,
};

/// A stateful MCP server over Streamable HTTP or HTTP+SSE, on a port of its own of the loopback
/// interface.
///
/// It is rmcp's server behind a barrier that counts, delays and refuses requests. Each session has
/// a counter; without sessions each bearer token has one. Its tools:
///
/// - `increment` adds one and returns the count, `count` returns the count.
/// - `increment_here` is `increment` with an argument `region`, which revision 2026-07-28 requires
///   in a header too.
/// - `record` counts its calls by their argument `id` ([`Switches::executions`]), and returns the id.
/// - `wait` returns the count after [`Switches::delay_tools`].
/// - `sample` and `elicit` send the caller a request and return its answer as JSON.
/// - `announce` sends a notification that the tools have changed, `progress` one of progress.
///
/// The list of tools contains the count. The server runs on threads of its own, so that stopping it
/// closes every connection. It stops when dropped.
#[derive(Debug)]
pub struct CounterServer {
    modes: Modes,
    log: Arc<RequestLog>,
    switches: Switches,
    address: SocketAddr,
    running: Option<Running>,
}

impl CounterServer {
    /// Starts a server that keeps sessions, speaks revisions up to 2025-11-25 and answers with
    /// events.
    #[must_use]
    pub fn start() -> Self {
        Self::start_as(Modes::default())
    }

    /// Starts a server in these modes.
    #[must_use]
    pub fn start_as(modes: Modes) -> Self {
        let mut server = Self {
            modes,
            log: Arc::new(RequestLog::default()),
            switches: Switches::default(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            running: None,
        };
        server.restart();
        server
    }

    /// Stops the server, closes every connection and removes every session.
    pub fn stop(&mut self) {
        self.running = None;
        self.log.forget_sessions();
    }

    /// Starts the server again on the same port, without its earlier sessions.
    ///
    /// # Panics
    /// When another process has taken the port meanwhile.
    pub fn restart(&mut self) {
        self.stop();
        let barrier =
            barrier::Barrier::new(self.modes, Arc::clone(&self.log), self.switches.clone());
        let running = Running::start(self.address, || barrier.into_router());
        self.address = running.address();
        self.running = Some(running);
    }

    /// Starts the server again on the same port in other modes, without its earlier sessions.
    ///
    /// # Panics
    /// As [`restart`](Self::restart).
    pub fn restart_as(&mut self, modes: Modes) {
        self.modes = modes;
        self.restart();
    }

    /// The server's address as an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let endpoint = match self.modes.streamable_http {
            true => Endpoint::streamable_http(&self.url()),
            false => Endpoint::sse(&self.url()),
        };
        endpoint.expect("a loopback address makes a valid url")
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, barrier::PATH)
    }

    /// The switches that control the server.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// The number of requests of a method.
    ///
    /// `method` is a JSON-RPC method, or `GET`, `DELETE` or `response` for requests without one.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.method == method)
            .count()
    }

    /// The number of requests of a method, by session id.
    #[must_use]
    pub fn count_by_session(&self, method: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.seen() {
            if seen.method == method
                && let Some(session) = seen.session
            {
                *counts.entry(session).or_default() += 1;
            }
        }
        counts
    }

    /// Every request so far, in the order of arrival.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.log.seen()
    }

    /// The ids of the sessions that are open now.
    #[must_use]
    pub fn open_sessions(&self) -> Vec<String> {
        self.log.open_sessions()
    }

    /// The number of sessions opened so far.
    #[must_use]
    pub fn sessions_opened(&self) -> usize {
        self.log.opened()
    }

    /// The number of sessions that a client has closed so far.
    ///
    /// A session over HTTP+SSE lasts as long as its stream.
    #[must_use]
    pub fn sessions_closed(&self) -> usize {
        self.log.closed()
    }

    /// Removes every session, as a restart behind a proxy does.
    pub fn forget_sessions(&self) {
        self.log.forget_sessions();
    }

    /// Waits until no session is open, for at most a minute.
    ///
    /// # Panics
    /// When a session is still open by then.
    pub async fn expect_no_session(&self) {
        for _ in 0..6_000 {
            if self.open_sessions().is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("sessions still open: {}", self.open_sessions().len());
    }
}
