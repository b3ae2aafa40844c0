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
        }
    }
}
