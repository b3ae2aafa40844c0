//! When a circuit opens, and how long callers wait for an endpoint.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When the circuit breaker of an endpoint opens, and how long callers wait for the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// How long callers wait for an endpoint that is not there: while its outage is younger than
    /// this and than [`circuit_breaker_reset`](Self::circuit_breaker_reset), and within their own
    /// deadlines. Later they fail at once. 0: they never wait. Default: 3 s.
    #[serde(with = "crate::config::duration")]
    pub circuit_breaker_patience: Duration,
    /// The longest pause between two probes of an endpoint that is not there, and the longest wait
    /// that an endpoint may request with `Retry-After`. A pause is a tenth of the outage so far, and
    /// 100 ms at least. Default: 60 s.
    #[serde(with = "crate::config::duration")]
    pub circuit_breaker_reset: Duration,
    /// Consecutive failures to reach an endpoint that open its circuit, each of an event of its own.
    /// At least 1. Default: 5.
    pub circuit_breaker_threshold: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            // A restart takes seconds.
            circuit_breaker_patience: Duration::from_secs(3),
            // One probe a minute is no load for any server.
            circuit_breaker_reset: Duration::from_secs(60),
            // One lost packet or one restart must not open it.
            circuit_breaker_threshold: 5,
        }
    }
}
