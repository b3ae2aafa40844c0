//! The decision on an attempt to reach an endpoint.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::circuit::{AttemptKind, Decision};
use crate::error::{AcquireError, ConnectError, FaultKind};

/// The decision on an attempt to reach an endpoint.
#[derive(Debug)]
pub(super) enum Admission {
    Admitted(AttemptKind),
    Refused(Refusal),
    /// The decision may be another one at `until`, or after a change.
    Wait {
        until: Instant,
    },
}

/// Why an attempt is not made.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The endpoint requested a wait with this fault.
    Held(FaultKind),
    /// The circuit is open.
    Open { retry_after: Duration },
}

impl Admission {
    /// The decision during a wait that the endpoint requested: an attempt that can wait for its end
    /// does so.
    pub(super) fn of_hold(
        until: Instant,
        fault: FaultKind,
        patience: Duration,
        now: Instant,
    ) -> Self {
        match until.saturating_duration_since(now) <= patience {
            true => Self::Wait { until },
            false => Self::Refused(Refusal::Held(fault)),
        }
    }
}

impl From<Refusal> for AcquireError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Open { retry_after } => Self::CircuitOpen { retry_after },
            Refusal::Held(fault) => Self::Connect(Arc::new(ConnectError::new(fault))),
        }
    }
}

impl From<Decision> for Admission {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Admitted(kind) => Self::Admitted(kind),
            Decision::Wait { until } => Self::Wait { until },
            Decision::Refused { retry_after } => Self::Refused(Refusal::Open { retry_after }),
        }
    }
}
