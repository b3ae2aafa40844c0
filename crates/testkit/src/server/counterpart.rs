//! What the connector suite needs of a server.

use mcp_pool_core::Endpoint;

use super::{counter_server::CounterServer, request_log::Seen, switches::Switches};

/// The server that the connector suite runs a connector against.
pub trait Counterpart: Send {
    /// The server's address.
    fn endpoint(&self) -> Endpoint;
    /// The switches that control the server.
    fn switches(&self) -> &Switches;
    /// Every request so far, in the order of arrival.
    fn requests(&self) -> Vec<Seen>;
    /// The number of open sessions.
    fn open_sessions(&self) -> usize;
    /// Removes every session, as a restart behind a proxy does.
    fn forget_sessions(&self);
    /// Stops the server and closes every connection.
    fn stop(&mut self);
}

impl Counterpart for CounterServer {
    fn endpoint(&self) -> Endpoint {
        Self::endpoint(self)
    }

    fn switches(&self) -> &Switches {
        Self::switches(self)
    }

    fn requests(&self) -> Vec<Seen> {
        self.seen()
    }

    fn open_sessions(&self) -> usize {
        Self::open_sessions(self).len()
    }

    fn forget_sessions(&self) {
        Self::forget_sessions(self);
    }

    fn stop(&mut self) {
        Self::stop(self);
    }
}
