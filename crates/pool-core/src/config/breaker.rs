//! When a circuit opens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When the circuit breaker of an endpoint opens, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// How long an open circuit stays open. Default: 60 s.
    #[serde(with = "humantime_serde")]
    pub circuit_breaker_reset: Duration,
    /// Consecutive failures that open a circuit. At least 1. Default: 5.
    pub circuit_breaker_threshold: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            // Long enough for a server to restart.
            circuit_breaker_reset: Duration::from_secs(60),
            // One lost packet or one restart must not open it.
            circuit_breaker_threshold: 5,
        }
    }
}
