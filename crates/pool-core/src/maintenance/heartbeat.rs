//! The beat of a replica.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    acquire::Acquirer,
    extend::{CloseReason, Revoked},
    fleet::FleetLink,
    key::run,
    types::PoolKey,
};

/// Starts the task that beats for a pool, where the pool is one of a fleet. It ends with the pool.
pub(crate) fn start_heartbeat(pool: &Arc<Acquirer>) {
    let context = pool.context();
    if let Some(fleet) = &context.fleet {
        let beats = beat(Arc::clone(fleet), Arc::downgrade(pool));
        context.runtime.spawn(beats);
    }
}

async fn beat(fleet: Arc<FleetLink>, pool: Weak<Acquirer>) {
    let mut ticks = interval(fleet.beat_interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = fleet.news() => {}
        }
        if pool.upgrade().is_none_or(|pool| is_done(&pool)) {
            return;
        }
        let Ok(revoked) = fleet.beat().await else {
            continue;
        };
        if let Some(pool) = pool.upgrade().filter(|_| !revoked.is_empty()) {
            apply_revocations(&pool, &fleet, &revoked);
        }
        fleet.catch_up().await;
    }
}

/// True where nothing is left to hold.
fn is_done(pool: &Acquirer) -> bool {
    pool.context().is_closed() && pool.services.sessions.all().is_empty()
}

/// Revokes what a replica has revoked: every key that one of the marks selects, unless all of its
/// sessions were claimed after that. Those are of the new generation, and other replicas may use them.
pub(crate) fn apply_revocations(pool: &Acquirer, fleet: &FleetLink, revoked: &[Revoked]) {
    let oldest = oldest_fences(pool);
    for key in pool.keys.iter() {
        let Some(number) = fleet.revoked_at(revoked, &key.key) else {
            continue;
        };
        if oldest.get(&key.key).is_some_and(|fence| *fence > number) {
            continue;
        }
        key.services.subscriptions.end_key(&key.key);
        key.credentials.revoke();
        let (effects, _) = key.evict_all(CloseReason::Revoked);
        run(&key, effects);
        pool.keys.remove(&key, None, CloseReason::Revoked);
    }
}

/// The lowest fence among the sessions of each key; zero for one that the directory does not know.
fn oldest_fences(pool: &Acquirer) -> HashMap<PoolKey, u64> {
    let mut oldest = HashMap::new();
    for pooled in pool.services.sessions.all() {
        let held = pooled.session.held();
        let fence = held.map_or(0, |held| held.holding.fence.number);
        let known = oldest.entry(pooled.key.clone()).or_insert(fence);
        *known = fence.min(*known);
    }
    oldest
}
