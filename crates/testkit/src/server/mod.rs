//! A real MCP server in the test's own process.

mod counter;
mod form;
mod gate;
mod hostile;
mod initiative;
mod ledger;
mod run;
mod sse;
mod switches;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

pub use form::{Form, Revisions};
pub use hostile::{HostileSse, Mischief};
pub use ledger::Seen;
use mcp_pool_core::Endpoint;
pub use switches::{Refusal, Switches, UnknownSession};

use self::ledger::Ledger;
pub(crate) use self::run::Running;

/// A stateful MCP server over Streamable HTTP or HTTP+SSE, on a port of its own of the loopback
/// interface.
///
/// It is rmcp's server behind a gate that counts, delays and refuses. Each session has a counter,
/// and where there are no sessions each bearer token has one: the tool `increment` adds one and
/// answers with the count, `count` answers with it, `wait` answers after
/// [`Switches::delay_tools`]. `increment_here` has an argument `place` that revision 2026-07-28
/// wants in a header too. The list of tools shows the count. By `sample` and `elicit` the server
/// asks whoever called them and answers with the answer as JSON; by `announce` it says that its
/// tools have changed, by `progress` how far the call is. Runs on threads of its own, so that
/// stopping it cuts every connection. Stops when dropped.
#[derive(Debug)]
pub struct CounterServer {
    form: Form,
    ledger: Arc<Ledger>,
    switches: Switches,
    address: SocketAddr,
    running: Option<Running>,
}

impl CounterServer {
    /// Starts a server that keeps sessions, speaks revisions up to 2025-11-25 and answers with
    /// events.
    #[must_use]
    pub fn start() -> Self {
        Self::start_as(Form::default())
    }

    /// Starts a server of this form.
    #[must_use]
    pub fn start_as(form: Form) -> Self {
        let mut server = Self {
            form,
            ledger: Arc::new(Ledger::default()),
            switches: Switches::default(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            running: None,
        };
        server.restart();
        server
    }

    /// Stops the server and cuts every connection. Its sessions are gone.
    pub fn stop(&mut self) {
        self.running = None;
        self.ledger.forget_sessions();
    }

    /// Starts it again on the same port, without any of its earlier sessions.
    ///
    /// # Panics
    /// When somebody else has taken the port meanwhile.
    pub fn restart(&mut self) {
        self.stop();
        let gate = gate::Gate::new(self.form, Arc::clone(&self.ledger), self.switches.clone());
        let running = Running::start(self.address, || gate.into_router());
        self.address = running.address();
        self.running = Some(running);
    }

    /// Starts it again on the same port in another form, without anything that it knew.
    ///
    /// # Panics
    /// As [`restart`](Self::restart).
    pub fn restart_as(&mut self, form: Form) {
        self.form = form;
        self.restart();
    }

    /// The server's address as an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let endpoint = match self.form.streamable_http {
            true => Endpoint::streamable_http(&self.url()),
            false => Endpoint::sse(&self.url()),
        };
        endpoint.expect("a loopback address makes a valid url")
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, gate::PATH)
    }

    /// What the server does on purpose.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// How many requests there were of a method. `method` is a JSON-RPC method, or `GET`, `DELETE`
    /// or `response` for requests that have none.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.method == method)
            .count()
    }

    /// How many requests there were of a method, by session id.
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

    /// Every request so far, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.ledger.seen()
    }

    /// The ids of the sessions that are open now.
    #[must_use]
    pub fn open_sessions(&self) -> Vec<String> {
        self.ledger.open_sessions()
    }

    /// How many sessions were opened so far.
    #[must_use]
    pub fn sessions_opened(&self) -> usize {
        self.ledger.opened()
    }

    /// How many sessions the client has closed so far. One over HTTP+SSE is open, and closed, with
    /// its stream.
    #[must_use]
    pub fn sessions_closed(&self) -> usize {
        self.ledger.closed()
    }

    /// Forgets every session, as a server does that was restarted behind a proxy.
    pub fn forget_sessions(&self) {
        self.ledger.forget_sessions();
    }

    /// Waits until no session is open, or half a minute.
    ///
    /// # Panics
    /// When there are still sessions open by then.
    pub async fn expect_no_session(&self) {
        for _ in 0..3_000 {
            if self.open_sessions().is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("sessions still open: {}", self.open_sessions().len());
    }
}
