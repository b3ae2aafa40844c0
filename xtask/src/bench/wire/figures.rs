//! The figures of the wire.

use serde::{Deserialize, Serialize};

use crate::statistics::median_of_measured;

/// What each round measures: a side of the pool, and the same on rmcp's own client (`held`).
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(in super::super) struct WireFigures {
    pub(in super::super) wire_json_us: f64,
    pub(in super::super) wire_json_held_us: f64,
    pub(in super::super) wire_events_us: f64,
    pub(in super::super) wire_events_held_us: f64,
    pub(in super::super) wire_stateless_us: f64,
    pub(in super::super) wire_stateless_held_us: f64,
    /// The CPU time of a call among those of 64 callers.
    pub(in super::super) wire_crowd_cpu_us: f64,
    pub(in super::super) wire_crowd_cpu_held_us: f64,
    /// The HTTP requests of a pooled call.
    pub(in super::super) call_http_requests: f64,
    pub(in super::super) open_cpu_us: f64,
    pub(in super::super) open_cpu_held_us: f64,
    pub(in super::super) close_cpu_us: f64,
    pub(in super::super) close_cpu_held_us: f64,
}

/// What is measured once. `None`: this machine, or a quick run, cannot measure it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct OnceFigures {
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in super::super) call_instructions: Option<f64>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in super::super) call_instructions_held: Option<f64>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in super::super) call_instructions_ratio: Option<f64>,
    /// The tasks of the runtime for each idle session.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in super::super) idle_session_tasks: Option<f64>,
    /// The sockets of all idle sessions together, after the idle time of connections.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in super::super) idle_session_sockets: Option<f64>,
    /// The memory of 100,000 idle sessions of as many users, their keys included.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in super::super) idle_100k_mb: Option<f64>,
}

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

/// The pool's side beside rmcp's.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(in super::super) struct WireRatios {
    pub(in super::super) call_pooled_vs_rmcp_held_ratio: f64,
    pub(in super::super) call_pooled_vs_rmcp_held_ratio_events: f64,
    pub(in super::super) call_pooled_vs_rmcp_held_ratio_stateless: f64,
    pub(in super::super) call_cpu_at_64_ratio: f64,
    pub(in super::super) open_cpu_ratio: f64,
    pub(in super::super) close_cpu_ratio: f64,
}

impl WireFigures {
    /// The medians of the rounds.
    pub(in super::super) fn medians(rounds: impl Iterator<Item = Self> + Clone) -> Self {
        let all = |pick: fn(Self) -> f64| median_of_measured(rounds.clone().map(pick));
        Self {
            wire_json_us: all(|f| f.wire_json_us),
            wire_json_held_us: all(|f| f.wire_json_held_us),
            wire_events_us: all(|f| f.wire_events_us),
            wire_events_held_us: all(|f| f.wire_events_held_us),
            wire_stateless_us: all(|f| f.wire_stateless_us),
            wire_stateless_held_us: all(|f| f.wire_stateless_held_us),
            wire_crowd_cpu_us: all(|f| f.wire_crowd_cpu_us),
            wire_crowd_cpu_held_us: all(|f| f.wire_crowd_cpu_held_us),
            call_http_requests: all(|f| f.call_http_requests),
            open_cpu_us: all(|f| f.open_cpu_us),
            open_cpu_held_us: all(|f| f.open_cpu_held_us),
            close_cpu_us: all(|f| f.close_cpu_us),
            close_cpu_held_us: all(|f| f.close_cpu_held_us),
        }
    }
}

impl WireRatios {
    /// The medians of the ratios of the rounds.
    pub(in super::super) fn of(rounds: impl Iterator<Item = WireFigures> + Clone) -> Self {
        let all = |pick: fn(WireFigures) -> f64| median_of_measured(rounds.clone().map(pick));
        Self {
            call_pooled_vs_rmcp_held_ratio: all(|f| f.wire_json_us / f.wire_json_held_us),
            call_pooled_vs_rmcp_held_ratio_events: all(|f| {
                f.wire_events_us / f.wire_events_held_us
            }),
            call_pooled_vs_rmcp_held_ratio_stateless: all(|f| {
                f.wire_stateless_us / f.wire_stateless_held_us
            }),
            call_cpu_at_64_ratio: all(|f| f.wire_crowd_cpu_us / f.wire_crowd_cpu_held_us),
            open_cpu_ratio: all(|f| f.open_cpu_us / f.open_cpu_held_us),
            close_cpu_ratio: all(|f| f.close_cpu_us / f.close_cpu_held_us),
        }
    }
}
