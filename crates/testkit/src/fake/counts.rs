//! The counts of the fake server.

use mcp_pool_core::Endpoint;

use super::remote::Remote;

impl Remote {
    /// The number of connects so far.
    #[must_use]
    pub fn connects(&self) -> usize {
        self.lock().connects
    }

    /// The number of connects under way.
    #[must_use]
    pub fn connecting(&self) -> usize {
        self.lock().connecting.len()
    }

    /// The number of open sessions.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().sessions.len()
    }

    /// The number of open sessions of an endpoint.
    #[must_use]
    pub fn open_at(&self, endpoint: &Endpoint) -> usize {
        let state = self.lock();
        let records = state.sessions.values();
        records
            .filter(|record| record.endpoint == *endpoint)
            .count()
    }

    /// The number of sessions closed so far.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.lock().closed
    }

    /// The number of health checks so far.
    #[must_use]
    pub fn checks(&self) -> usize {
        self.lock().checks
    }

    /// The number of calls that have reached the server.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// The number of requests for the list of tools.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.lock().lists
    }

    /// The number of detections so far.
    #[must_use]
    pub fn detections(&self) -> usize {
        self.lock().detections
    }
}
