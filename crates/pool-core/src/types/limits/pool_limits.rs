//! The limits that change while a pool works.

use serde::Serialize;

use super::quota_kind::QuotaKind;

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
    /// Leases on sessions of one endpoint. 0: no quota.
    pub max_calls_per_endpoint: usize,
    /// Leases of one principal. 0: no quota.
    pub max_calls_per_principal: usize,
    /// Leases of the principals of one tenant. 0: no quota.
    pub max_calls_per_tenant: usize,
    /// Sessions with one endpoint. 0: no quota.
    pub max_sessions_per_endpoint: usize,
    /// Sessions of one key: in use, idle and connecting. At least 1.
    pub max_sessions_per_key: usize,
    /// Sessions of one principal. 0: no quota.
    pub max_sessions_per_principal: usize,
    /// Sessions of the principals of one tenant. 0: no quota.
    pub max_sessions_per_tenant: usize,
    /// Keys of the pool. 0: no limit.
    pub max_total_keys: usize,
    /// Sessions of the pool: in use, idle and connecting. 0: no limit.
    pub max_total_sessions: usize,
}

impl PoolLimits {
    /// The number of a quota; 0 where it is off.
    #[must_use]
    pub fn quota(&self, kind: QuotaKind) -> usize {
        match kind {
            QuotaKind::CallsPerEndpoint => self.max_calls_per_endpoint,
            QuotaKind::CallsPerPrincipal => self.max_calls_per_principal,
            QuotaKind::CallsPerTenant => self.max_calls_per_tenant,
            QuotaKind::SessionsPerEndpoint => self.max_sessions_per_endpoint,
            QuotaKind::SessionsPerPrincipal => self.max_sessions_per_principal,
            QuotaKind::SessionsPerTenant => self.max_sessions_per_tenant,
        }
    }

    /// Sets the number of a quota; 0 for none.
    #[must_use]
    pub fn with_quota(mut self, kind: QuotaKind, value: usize) -> Self {
        *match kind {
            QuotaKind::CallsPerEndpoint => &mut self.max_calls_per_endpoint,
            QuotaKind::CallsPerPrincipal => &mut self.max_calls_per_principal,
            QuotaKind::CallsPerTenant => &mut self.max_calls_per_tenant,
            QuotaKind::SessionsPerEndpoint => &mut self.max_sessions_per_endpoint,
            QuotaKind::SessionsPerPrincipal => &mut self.max_sessions_per_principal,
            QuotaKind::SessionsPerTenant => &mut self.max_sessions_per_tenant,
        } = value;
        self
    }

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
