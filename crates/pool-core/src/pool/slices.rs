//! Evicting many keys, some at a time.

use tokio::task::yield_now;

use super::{
    evict::{EvictMode, log_evicted},
    session_pool::SessionPool,
};
use crate::{extend::CloseReason, key::KeyPlace, stats::EvictReport, types::Selector};

impl SessionPool {
    /// As [`evict`](Self::evict), for many keys: other tasks of the runtime run after each 25 keys.
    ///
    /// Once it returns, no session that was opened before the call is handed out. Until then the sessions of
    /// keys that are not evicted yet are, and what is opened meanwhile may be evicted, too.
    ///
    /// # Cancel safety
    /// A dropped future has evicted some of the keys, each of them wholly.
    pub async fn evict_in_slices(&self, selector: &Selector, mode: EvictMode) -> EvictReport {
        self.acquirer.services.subscriptions.end(selector);
        self.evict_slices(selector, mode, CloseReason::Evicted)
            .await
    }

    /// As [`drain`](Self::drain), for many keys: other tasks of the runtime run after each 25 keys.
    ///
    /// Once it returns, no session that was opened before the call is handed out. Until then the sessions of
    /// keys that are not evicted yet are, and what is opened meanwhile may be evicted, too.
    ///
    /// # Cancel safety
    /// A dropped future has evicted some of the keys, each of them wholly.
    pub async fn drain_in_slices(&self) -> EvictReport {
        self.evict_slices(&Selector::All, EvictMode::Graceful, CloseReason::Drained)
            .await
    }

    async fn evict_slices(
        &self,
        selector: &Selector,
        mode: EvictMode,
        reason: CloseReason,
    ) -> EvictReport {
        let keys = &self.acquirer.keys;
        let mut report = EvictReport::default();
        let mut next = Some(KeyPlace::default());
        while let Some(from) = next {
            let (slice, then) = keys.select_some(selector, from, KEYS_AT_ONCE);
            for key in &slice {
                self.evict_one(key, mode, reason, &mut report);
            }
            next = then;
            if next.is_some() {
                yield_now().await;
            }
        }
        log_evicted(&report, reason);
        report
    }
}

/// The eviction and the closing of a session take some 20 µs, where its memory is not in any cache.
const KEYS_AT_ONCE: usize = 25;
