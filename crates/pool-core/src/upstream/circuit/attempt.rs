//! Attempts to reach an endpoint: whether they are admitted, and what they come to.

use std::time::Duration;

use tokio::time::Instant;

/// The circuit's decision on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Decision {
    Admitted(AttemptKind),
    /// No attempt is admitted now. The decision may be another one at `until`, or after a change.
    Wait {
        until: Instant,
    },
    Refused {
        retry_after: Duration,
    },
}

/// An attempt, by its part in the recovery of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) enum AttemptKind {
    /// One of any number.
    Plain,
    /// The one that finds out whether the endpoint is there again.
    Probe,
    /// One of the few that are admitted after an outage.
    Ramped,
}

/// The result of a probe of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) enum ProbeOutcome {
    /// The endpoint is not there.
    Absent,
    /// The endpoint answered, with whatever status.
    Answered,
    /// The endpoint was reached and did not answer in time.
    Unclear,
}

/// An attempt that found nothing.
#[derive(Clone, Copy, Debug)]
pub(in crate::upstream) struct Failed {
    pub(in crate::upstream) kind: AttemptKind,
    pub(in crate::upstream) began: Instant,
    /// The kind of the fault.
    pub(in crate::upstream) evidence: &'static str,
}
