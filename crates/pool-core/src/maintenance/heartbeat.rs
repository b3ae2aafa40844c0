//! The beat of a replica.

use std::sync::{Arc, Weak};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    acquire::Acquirer,
    extend::{CloseReason, FleetMark},
    fleet::FleetLink,
    key::run,
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
    let mut seen = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = fleet.news() => {}
        }
        if pool.upgrade().is_none_or(|pool| is_done(&pool)) {
            return;
        }
        let Ok(revoked) = fleet.beat(&mut seen).await else {
            continue;
        };
        if let Some(pool) = pool.upgrade().filter(|_| !revoked.is_empty()) {
            revoke(&pool, &fleet, &revoked);
        }
        fleet.catch_up().await;
    }
}

/// True where nothing is left to hold.
fn is_done(pool: &Acquirer) -> bool {
    pool.context().is_closed() && pool.services.sessions.all().is_empty()
}

/// Revokes what another replica has revoked: every key that one of the marks selects.
fn revoke(pool: &Acquirer, fleet: &FleetLink, revoked: &[FleetMark]) {
    for key in pool.keys.iter() {
        if !fleet.selects(revoked, &key.key) {
            continue;
        }
        key.credentials.revoke();
        let (effects, _) = key.evict_all(CloseReason::Revoked);
        run(&key, effects);
        pool.keys.remove(&key, None, CloseReason::Revoked);
    }
}
