//! Views of a pool.

use tokio::time::Instant;

use super::session_pool::SessionPool;
use crate::{
    stats::{EndpointStats, KeyDetails, KeyPage, KeyQuery, PoolStats, PoolStatus, QuotaStats},
    types::Fingerprint,
};

impl SessionPool {
    /// A summary of the pool, at a cost that does not grow with its keys.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        PoolStatus::of(&self.acquirer)
    }

    /// The state of the pool, with rows of up to 100 keys. Besides those no key is visited: the counts of
    /// all keys are side by side in memory, some 50 bytes each.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats::of(&self.acquirer, Instant::now())
    }

    /// A page of the pool's keys.
    ///
    /// Only the keys of the page are visited; the others are ranked by their counts, which are side by
    /// side in memory. A query of a scope, of keys that failed or for the oldest sessions first has to
    /// visit all keys. When the rank of a key changes between two pages, the key is on both or on neither.
    #[must_use]
    pub fn key_stats(&self, query: &KeyQuery) -> KeyPage {
        KeyPage::of(&self.acquirer, query, Instant::now())
    }

    /// A key in detail, by the fingerprint that its row has: its sessions and who waits for one. `None`
    /// where the pool does not know the key.
    #[must_use]
    pub fn key_details(&self, fingerprint: Fingerprint) -> Option<KeyDetails> {
        KeyDetails::of(&self.acquirer, fingerprint, Instant::now())
    }

    /// The state of the quotas, `most` rows at most: those that the most wait for first, then the fullest.
    /// Empty where no quota is set. The time is proportional to the number of quotas in use.
    #[must_use]
    pub fn quota_stats(&self, most: usize) -> Vec<QuotaStats> {
        QuotaStats::fullest(&self.acquirer, most)
    }

    /// The state of each endpoint, in no order. No key is visited.
    #[must_use]
    pub fn endpoint_stats(&self) -> Vec<EndpointStats> {
        EndpointStats::all(&self.acquirer, Instant::now())
    }
}
