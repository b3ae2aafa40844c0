//! What the fake server has counted so far.

use mcp_pool_core::Endpoint;

use super::Remote;

impl Remote {
    /// How many connects were begun.
    #[must_use]
    pub fn connects(&self) -> usize {
        self.lock().connects
    }

    /// How many connects are under way.
    #[must_use]
    pub fn connecting(&self) -> usize {
        self.lock().connecting
    }

    /// How many sessions the server has open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().sessions.len()
    }

    /// How many sessions the server has open for an endpoint.
    #[must_use]
    pub fn open_at(&self, endpoint: &Endpoint) -> usize {
        let state = self.lock();
        let records = state.sessions.values();
        records
            .filter(|record| record.endpoint == *endpoint)
            .count()
    }

    /// The most sessions that were ever open or being opened at the same time.
    #[must_use]
    pub fn most_open(&self) -> usize {
        self.lock().most_open
    }

    /// How many sessions were closed by a farewell.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.lock().closed
    }

    /// How many health checks were begun.
    #[must_use]
    pub fn checks(&self) -> usize {
        self.lock().checks
    }

    /// How many calls reached the server.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// How many lists of tools the server was asked for.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.lock().lists
    }

    /// How many detections were begun.
    #[must_use]
    pub fn detections(&self) -> usize {
        self.lock().detections
    }
}
