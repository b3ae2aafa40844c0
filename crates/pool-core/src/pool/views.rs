//! Views of a pool.

use tokio::time::Instant;

use super::session_pool::SessionPool;
use crate::stats::{EndpointStats, KeyPage, KeyQuery, PoolStats, PoolStatus};

impl SessionPool {
    /// A summary of the pool, at a cost that does not grow with its keys.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        PoolStatus::of(&self.acquirer)
    }

    /// The state of the pool, with a row for each key. Each key is read under its own lock, one after
    /// the other; every row is consistent in itself.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats::of(&self.acquirer, Instant::now())
    }

    /// A page of the pool's keys.
    ///
    /// Every key is read under its own lock; only those of the page are kept and described. When the
    /// rank of a key changes between two pages, the key is on both or on neither.
    #[must_use]
    pub fn key_stats(&self, query: &KeyQuery) -> KeyPage {
        KeyPage::of(&self.acquirer.keys, query, Instant::now())
    }

    /// The state of each endpoint, in no order. Each key is read under its own lock, one after the
    /// other.
    #[must_use]
    pub fn endpoint_stats(&self) -> Vec<EndpointStats> {
        EndpointStats::all(&self.acquirer, Instant::now())
    }
}
