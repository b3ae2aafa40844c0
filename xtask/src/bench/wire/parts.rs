//! What a call consists of.

/// The times of a call, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Parts {
    pub(in super::super) whole_us: f64,
    /// The CPU time of the client.
    pub(in super::super) client_us: f64,
    /// The CPU time of the server.
    pub(in super::super) server_us: f64,
}

impl Parts {
    /// The time in which neither side computes: the loopback interface and wake-ups. Both sides may also
    /// compute at the same time.
    pub(in super::super) fn idle_us(self) -> f64 {
        (self.whole_us - self.client_us - self.server_us).max(0.0)
    }
}
