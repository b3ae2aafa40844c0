//! How the pool checks that sessions are alive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::extend::Probe;

/// When and how the pool checks a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HealthConfig {
    /// Whether [`SessionPool::check_endpoint`](crate::SessionPool::check_endpoint) sends one
    /// `tools/list`, instead of only acquiring a session. Default: false.
    pub explicit_health_rpc: bool,
    /// The idle time after which a session is checked before it is handed out. A session without a
    /// state is never checked. Default: 60 s.
    #[serde(with = "crate::config::duration")]
    pub health_check_interval: Duration,
    /// The probes of a check, in order: see [`ProbePlan::run`](crate::extend::ProbePlan::run). Not
    /// empty. Default: `ping`, then `skip`.
    pub health_check_methods: Vec<Probe>,
    /// The time limit of each probe. Default: 5 s.
    #[serde(with = "crate::config::duration")]
    pub health_check_timeout: Duration,
    /// The time after which an idle session is checked in the background, spread over the last quarter of
    /// it, so that servers and proxies do not drop it; and, where it is less than
    /// [`health_check_interval`](Self::health_check_interval), so that callers seldom wait for a check.
    /// It is no use of the key, which is removed after its idle time all the same. None begins while the
    /// endpoint has requested a wait or its circuit holds requests back. A session without a state is never
    /// checked. 0: never. Default: 0.
    #[serde(with = "crate::config::duration")]
    pub keepalive_interval: Duration,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            // A list of tools is expensive for many servers, and `ping` proves as much.
            explicit_health_rpc: false,
            // Servers drop idle sessions after minutes; within one minute a session is alive.
            health_check_interval: Duration::from_secs(60),
            // A server that does not know `ping` is alive all the same.
            health_check_methods: vec![Probe::Ping, Probe::Skip],
            health_check_timeout: Duration::from_secs(5),
            // A request for each idle session and interval is for servers that drop sessions early.
            keepalive_interval: Duration::ZERO,
        }
    }
}
