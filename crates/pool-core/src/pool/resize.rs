//! Changing the limits of a pool.

use super::session_pool::SessionPool;
use crate::{
    acquire::Connects, config::validate_limits, error::ResizeError, extend::Resized, key::run_with,
    types::PoolLimits,
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
    /// A conversation has one session under any limit.
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
        self.acquirer.services.request_reclaim();
        self.report_resized(before, limits);
        Ok(())
    }

    fn apply_limit_of_keys(&self) {
        for key in self.acquirer.keys.iter() {
            run_with(&key, key.apply_limit(), &Connects);
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
