//! How capacity is reclaimed: from the keys that are unused for the longest time.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use super::candidates::{Candidates, Search};
use crate::{
    acquire::Acquirer,
    key::{KeyPool, reclaim_reason_of_quota},
    limits::Quota,
    upstream::Sessions,
};

/// Reclaims capacity, and remembers the candidates for the next time.
#[derive(Default)]
pub(crate) struct Reclaimer {
    unused: Candidates,
    idle: Candidates,
    /// Of each quota of sessions that was in want, by its address.
    of_quotas: HashMap<usize, OfQuota>,
}

/// The candidates under one quota.
struct OfQuota {
    quota: Weak<Quota>,
    idle: Candidates,
}

impl Reclaimer {
    /// Removes unused keys and closes idle sessions, least recently used first, until no permit
    /// is wanted or none is left to reclaim.
    pub(crate) async fn reclaim(&mut self, pool: &Acquirer) {
        self.reclaim_keys(pool).await;
        self.reclaim_sessions(pool).await;
        self.reclaim_for_quotas(pool).await;
    }

    async fn reclaim_keys(&mut self, pool: &Acquirer) {
        let (services, limit) = (&pool.services, &pool.services.capacity.keys);
        if limit.is_exhausted() {
            // Whatever has become unused since was removed by its last user.
            return;
        }
        let is_unused = |key: Sessions| key.busy + key.connecting + key.waiting == 0;
        let remove =
            |key: &Arc<KeyPool>| pool.keys.remove(key, None, services.reclaim_key_reason());
        let search = Search {
            pool,
            within: None,
            is_wanted: &|| limit.is_short(),
        };
        let unused = &mut self.unused;
        unused.reclaim(&search, is_unused, remove).await;
        if limit.is_short() {
            limit.set_exhausted();
            // Finds the keys that became unused before their last users saw the flag.
            unused.reclaim(&search, is_unused, remove).await;
        }
    }

    async fn reclaim_sessions(&mut self, pool: &Acquirer) {
        let (services, limit) = (&pool.services, &pool.services.capacity.sessions);
        let close_oldest = |key: &Arc<KeyPool>| {
            let Some(session) = key.take_oldest() else {
                return false;
            };
            services.close(session, services.reclaim_reason());
            true
        };
        if limit.is_exhausted() {
            // Whatever has become idle since was closed by its releaser.
            return;
        }
        let search = Search {
            pool,
            within: None,
            is_wanted: &|| limit.is_short(),
        };
        let idle = &mut self.idle;
        idle.reclaim(&search, has_idle, close_oldest).await;
        if limit.is_short() {
            limit.set_exhausted();
            // Finds the sessions that became idle before their releasers saw the flag.
            idle.reclaim(&search, has_idle, close_oldest).await;
        }
    }

    /// Closes idle sessions under each quota that is in want. While none is idle, the quota is exhausted:
    /// a session that becomes idle then is closed by its releaser.
    async fn reclaim_for_quotas(&mut self, pool: &Acquirer) {
        let limit = &pool.services.capacity.sessions;
        self.of_quotas.retain(|_, of| of.quota.strong_count() > 0);
        for quota in limit.quotas_in_want() {
            if quota.is_exhausted() {
                continue;
            }
            let of_quota = self.of_quotas.entry(Arc::as_ptr(&quota).addr());
            let idle = &mut of_quota.or_insert_with(|| OfQuota::new(&quota)).idle;
            let search = Search {
                pool,
                within: Some(&quota),
                is_wanted: &|| quota.is_wanted(),
            };
            let close_oldest = |key: &Arc<KeyPool>| {
                let Some(session) = key.take_oldest() else {
                    return false;
                };
                let reason = reclaim_reason_of_quota(&quota);
                pool.services.close(session, reason);
                true
            };
            idle.reclaim(&search, has_idle, close_oldest).await;
            if quota.is_wanted() {
                limit.set_quota_exhausted(&quota);
            }
        }
    }
}

impl OfQuota {
    fn new(quota: &Arc<Quota>) -> Self {
        Self {
            quota: Arc::downgrade(quota),
            idle: Candidates::default(),
        }
    }
}

fn has_idle(key: Sessions) -> bool {
    key.idle > 0
}
