//! The settings of a circuit.

use std::time::Duration;

use crate::config::PoolConfig;

/// The settings of a circuit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CircuitPolicy {
    /// Failures in a row that raise doubt.
    pub(crate) threshold: u32,
    /// The longest pause between two probes.
    pub(crate) longest_pause: Duration,
    /// Callers wait for the endpoint while its outage is younger than this.
    pub(crate) patience: Duration,
}

impl CircuitPolicy {
    pub(crate) fn new(config: &PoolConfig) -> Self {
        Self {
            threshold: config.breaker.circuit_breaker_threshold,
            longest_pause: config.breaker.circuit_breaker_reset,
            patience: config
                .breaker
                .circuit_breaker_patience
                .min(config.breaker.circuit_breaker_reset),
        }
    }
}
