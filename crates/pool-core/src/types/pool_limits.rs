//! The limits that change while a pool works.

use serde::Serialize;

/// The limits that change while a pool works.
///
/// [`SessionPool::limits`](crate::SessionPool::limits) returns those in force,
/// [`SessionPool::resize`](crate::SessionPool::resize) sets others, and
/// [`LimitsConfig::pool_limits`](crate::config::LimitsConfig::pool_limits) has those of a
/// configuration. How many calls a session serves at the same time is no such limit: a session has
/// that number from its connect to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolLimits {
    /// Sessions of one key: in use, idle and connecting. At least 1.
    pub max_sessions_per_key: usize,
    /// Keys of the pool. 0: no limit.
    pub max_total_keys: usize,
    /// Sessions of the pool: in use, idle and connecting. 0: no limit.
    pub max_total_sessions: usize,
}

impl PoolLimits {
    /// Sets [`max_sessions_per_key`](Self::max_sessions_per_key).
    #[must_use]
    pub fn with_max_sessions_per_key(mut self, value: usize) -> Self {
        self.max_sessions_per_key = value;
        self
    }

    /// Sets [`max_total_keys`](Self::max_total_keys).
    #[must_use]
    pub fn with_max_total_keys(mut self, value: usize) -> Self {
        self.max_total_keys = value;
        self
    }

    /// Sets [`max_total_sessions`](Self::max_total_sessions).
    #[must_use]
    pub fn with_max_total_sessions(mut self, value: usize) -> Self {
        self.max_total_sessions = value;
        self
    }
}
