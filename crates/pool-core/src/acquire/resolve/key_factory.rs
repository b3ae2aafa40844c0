//! Finds or creates the pool of a key.
#![expect(deprecated, reason = "servers of the revisions with sessions do log")]

use std::sync::Arc;

use rmcp::model::LoggingLevel;

use super::{key_notice::KeyNotice, log_levels::LogLevels};
use crate::{
    error::{AcquireError, Stage, within},
    extend::{Credential, KeyCreated},
    handler::Profile,
    key::{Effects, KeyMap, KeyPool, KeyQuotas, KeyServices, NewKey, run},
    limits::KeyPermit,
    time::{Deadline, after},
    types::{PoolKey, PoolLimits},
    upstream::Upstreams,
};

/// Finds or creates the pools of keys, within `max_total_keys`.
pub(crate) struct KeyFactory {
    services: Arc<KeyServices>,
    keys: Arc<KeyMap>,
    upstreams: Arc<Upstreams>,
    notice: KeyNotice,
    levels: LogLevels,
}

impl KeyFactory {
    pub(crate) fn new(
        services: Arc<KeyServices>,
        keys: Arc<KeyMap>,
        upstreams: Arc<Upstreams>,
    ) -> Self {
        Self {
            levels: LogLevels::new(Arc::clone(&services.context), Arc::clone(&keys)),
            services,
            keys,
            upstreams,
            notice: KeyNotice::default(),
        }
    }

    /// The pool of a key, created if need be.
    ///
    /// # Errors
    /// [`AcquireError::Closed`], or [`AcquireError::Timeout`] for want of capacity.
    pub(crate) async fn get_or_create(
        &self,
        key: &PoolKey,
        profile: &Profile,
        credential: &Credential,
        deadline: Deadline,
    ) -> Result<Arc<KeyPool>, AcquireError> {
        loop {
            if let Some(pool) = self.keys.get(key) {
                self.note_credential(&pool, credential);
                return Ok(pool);
            }
            if self.services.context.is_closed() {
                return Err(AcquireError::Closed);
            }
            // `None`: another caller has created the key, or the pool is closed.
            if let Some(permit) = self.permit(key, deadline).await? {
                return Ok(self.create(key, profile, credential, permit));
            }
        }
    }

    /// A permit under `max_total_keys`; `None` when the wait for one became pointless.
    async fn permit(
        &self,
        key: &PoolKey,
        deadline: Deadline,
    ) -> Result<Option<KeyPermit>, AcquireError> {
        let services = &self.services;
        let member = services.capacity.accounts.of(key.principal());
        let limit = &services.capacity.keys;
        let reclaim = || services.request_reclaim();
        let permit = services.missing_keys.permit(key, member, limit, reclaim);
        within(deadline, Stage::Capacity, permit).await
    }

    /// Creates the pool of a key, unless another caller has created it meanwhile.
    fn create(
        &self,
        key: &PoolKey,
        profile: &Profile,
        credential: &Credential,
        permit: KeyPermit,
    ) -> Arc<KeyPool> {
        // Held until the key is in the map: a change of the limits comes before or finds the key.
        let limits = self.services.capacity.limits();
        let quotas = self.quotas(key, &limits);
        let new = || {
            let new = NewKey {
                key,
                profile,
                upstream: self.upstreams.of(key.endpoint()),
                credential: credential.clone(),
                max_sessions: limits.max_sessions_per_key,
                member: self.services.capacity.accounts.of(key.principal()),
                permit,
                quotas,
            };
            KeyPool::new(new, Arc::clone(&self.services))
        };
        let (pool, is_new) = self.keys.insert(key, new);
        drop(limits);
        match is_new {
            true => self.begin(&pool),
            false => self.note_credential(&pool, credential),
        }
        pool
    }

    /// The places of a new key under quotas; `None` where none is set.
    fn quotas(&self, key: &PoolKey, limits: &PoolLimits) -> Option<Box<KeyQuotas>> {
        let sessions = self.services.session_seats(key, key.endpoint(), limits);
        let calls = self.services.call_seats(key, key.endpoint(), limits);
        if sessions.is_none() && calls.is_none() {
            return None;
        }
        let quotas = KeyQuotas::new(key.fingerprint().number());
        sessions
            .into_iter()
            .for_each(|seats| quotas.set_sessions(seats));
        calls.into_iter().for_each(|seats| quotas.set_calls(seats));
        Some(Box::new(quotas))
    }

    /// Sets the level of the log that a key wants, over each of its transports.
    pub(crate) fn set_log_level(&self, key: &KeyPool, level: LoggingLevel) {
        self.levels.set(key, level);
    }

    /// Schedules the first sweep of a new key and reports it.
    fn begin(&self, pool: &Arc<KeyPool>) {
        self.levels.inherit(pool);
        let context = &self.services.context;
        let timeouts = &context.config.timeouts;
        let first = timeouts.idle_pool_eviction.min(timeouts.session_ttl);
        let first = after(tokio::time::Instant::now(), first);
        run(pool, Effects::sweep_by(context.clock.timestamp(first)));
        run(pool, pool.sweep_before_credential_ends());
        run(pool, pool.plan_spares());
        let capacity = &self.services.capacity;
        let max = capacity.limits().max_total_keys;
        let pool_name = &context.config.name;
        self.notice.note(pool_name, capacity.keys.taken(), max);
        context.events.emit(|observer, name| {
            observer.key_created(&KeyCreated {
                pool: name,
                key: &pool.key,
            });
        });
    }

    fn note_credential(&self, pool: &Arc<KeyPool>, credential: &Credential) {
        let now = self.services.context.clock.now();
        run(
            pool,
            pool.note_credential(&credential.headers, || credential.ends_at, now),
        );
    }
}
