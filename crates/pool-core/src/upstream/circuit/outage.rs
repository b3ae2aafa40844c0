//! The phases of a circuit.

use tokio::time::Instant;

/// The phase of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    /// The next probe of the pool decides.
    Doubted,
    Open(Outage),
    /// The connect of one caller is the probe; another one may follow at `until`.
    HalfOpen {
        outage: Outage,
        until: Instant,
    },
}

/// An outage of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) since: Instant,
    /// When the pool probes next.
    pub(super) next_probe: Instant,
    /// When the connect of a caller may be the probe; `None`: never.
    pub(super) callers_from: Option<Instant>,
}
