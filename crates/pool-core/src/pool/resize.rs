//! Changing the limits of a pool.

use std::sync::Arc;

use super::session_pool::SessionPool;
use crate::{
    acquire::Connects,
    config::validate_limits,
    error::ResizeError,
    extend::Resized,
    key::{KeyPool, run_with},
    types::{Endpoint, PoolLimits, QuotaKind},
};

impl SessionPool {
    /// The limits in force: those of the configuration, or of the last [`resize`](Self::resize).
    #[must_use]
    pub fn limits(&self) -> PoolLimits {
        *self.acquirer.services.capacity.limits()
    }

    /// Changes the limits of the pool while it works.
    ///
    /// Under a higher limit the callers that wait are served at once, in their order. Under a lower
    /// one no session in use is cut: idle sessions above it are closed in the background, the least
    /// recently used first, and those in use above it when their leases end. Until then the pool has
    /// more sessions than the limit, and opens none. Keys above a lower limit are removed likewise.
    /// A conversation has one session under any limit. Quotas change likewise, and count sessions that
    /// were opened before; calls count that begin from now on.
    ///
    /// The time is proportional to the number of keys where the limit of a key changes.
    ///
    /// ```
    /// # use mcp_pool_core::{SessionPool, error::ResizeError};
    /// # fn example(pool: SessionPool) -> Result<(), ResizeError> {
    /// pool.resize(pool.limits().with_max_total_sessions(64))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`ResizeError::Closed`]: the pool is closed.
    /// - [`ResizeError::Config`]: a limit is out of its bounds, which are those of
    ///   [`PoolBuilder::build`](crate::PoolBuilder::build). No limit is changed.
    pub fn resize(&self, limits: PoolLimits) -> Result<(), ResizeError> {
        validate_limits(&limits)?;
        if self.is_closed() {
            return Err(ResizeError::Closed);
        }
        let before = self.acquirer.services.capacity.resize(limits);
        if before.max_sessions_per_key != limits.max_sessions_per_key {
            self.apply_limit_of_keys();
        }
        if QuotaKind::ALL.iter().any(|kind| limits.quota(*kind) > 0) {
            let keys: Vec<_> = self.acquirer.keys.iter().collect();
            self.join_quotas(&keys, |key| key.key.endpoint().clone());
        }
        self.acquirer.services.request_reclaim();
        self.report_resized(before, limits);
        Ok(())
    }

    fn apply_limit_of_keys(&self) {
        for key in self.acquirer.keys.iter() {
            run_with(&key, key.apply_limit(), &Connects);
        }
    }

    /// Has keys, and the sessions that they have, join the quotas that concern them. `endpoint` is that of
    /// a key, with the settings in force.
    pub(super) fn join_quotas(
        &self,
        keys: &[Arc<KeyPool>],
        endpoint: impl Fn(&KeyPool) -> Endpoint,
    ) {
        for key in keys {
            key.join_quotas(&endpoint(key));
        }
        let services = &self.acquirer.services;
        for session in services.sessions.all() {
            if let Some(key) = self.acquirer.keys.get(&session.key)
                && let Some(seats) = key.session_seats()
            {
                session.join_quotas(&services.capacity.sessions, seats);
            }
        }
    }

    fn report_resized(&self, before: PoolLimits, after: PoolLimits) {
        if before == after {
            return;
        }
        tracing::info!(
            max_sessions_per_key = after.max_sessions_per_key,
            max_total_keys = after.max_total_keys,
            max_total_sessions = after.max_total_sessions,
            quotas = ?QuotaKind::ALL.map(|kind| (kind.as_str(), after.quota(kind))),
            "limits changed"
        );
        self.acquirer.context().events.emit(|observer, pool| {
            observer.resized(&Resized {
                pool,
                before,
                after,
            });
        });
    }
}
