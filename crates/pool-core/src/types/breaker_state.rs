//! The states of a circuit.

/// The state of the circuit of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BreakerState {
    /// Attempts are admitted.
    Closed,
    /// One probe is under way; other attempts are refused.
    HalfOpen,
    /// Attempts are refused.
    Open,
}

impl BreakerState {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}
