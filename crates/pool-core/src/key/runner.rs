//! The one place where the effects of a key's change are run.

use std::sync::Arc;

use super::{
    effects::{EffectList, Effects},
    job::{Job, WeakJobSender},
    key_pool::KeyPool,
    slots::Fate,
    waiter::Waiter,
};
use crate::{extend::CloseReason, key::session::SessionSlot};

/// Starts the connects that a key wants.
pub(crate) trait ConnectStarter {
    fn start(&self, key: &Arc<KeyPool>);
}

/// Leaves the start to the maintenance task, since `Drop` never spawns.
impl ConnectStarter for WeakJobSender {
    fn start(&self, key: &Arc<KeyPool>) {
        self.send(Job::Connect(key.key.clone()));
    }
}

/// Runs effects; the maintenance task starts the connects.
#[inline(always)]
pub(crate) fn run(key: &Arc<KeyPool>, effects: Effects) {
    match effects {
        Effects::None => {}
        Effects::Reclaim => reclaim(key),
        Effects::Handover(waiter, slot) => hand_over(key, &waiter, slot),
        Effects::List(list) => run_list(key, *list, &key.services.jobs),
    }
}

/// Runs effects; `starter` starts the connects.
pub(crate) fn run_with(key: &Arc<KeyPool>, effects: Effects, starter: &impl ConnectStarter) {
    match effects {
        Effects::List(list) => run_list(key, *list, starter),
        other => run(key, other),
    }
}

/// Delivers a slot to a waiter. The slot of a waiter that left is released for the next one.
#[inline(never)]
fn hand_over(key: &Arc<KeyPool>, waiter: &Waiter, slot: SessionSlot) {
    if let Err(Ok(slot)) = waiter.grant(Ok(slot)) {
        let effects = key.release(slot, Fate::Undelivered, CloseReason::Superseded);
        run(key, effects);
    }
}

#[inline(never)]
fn run_list(key: &Arc<KeyPool>, list: EffectList, starter: &impl ConnectStarter) {
    for (session, reason) in list.close {
        key.services.close(session, reason);
    }
    for (waiter, grant) in list.grants {
        match grant {
            Ok(slot) => hand_over(key, &waiter, slot),
            Err(error) => drop(waiter.grant(Err(error))),
        }
    }
    if let Some(at) = list.sweep_by {
        key.services.jobs.send(Job::Sweep(key.key.clone(), at));
    }
    if list.connect {
        starter.start(key);
    }
    if list.reclaim {
        reclaim(key);
    }
}

/// Serves callers that wait for capacity. Lost-wake-up protocol: the releaser has marked its session
/// or key unused before it reads the flag; the reclaimer starts after the waiter is queued and scans
/// keys under their locks. At least one of the two sees the other.
#[inline]
fn reclaim(key: &Arc<KeyPool>) {
    if key.services.capacity.is_wanted() {
        reclaim_here(key);
    }
}

/// Where no key has an idle session, the session that has just become idle is closed at once: the
/// maintenance task would often come too late, after its next use began.
#[inline(never)]
fn reclaim_here(key: &Arc<KeyPool>) {
    let services = &key.services;
    let sessions = &services.capacity.sessions;
    if sessions.is_exhausted()
        && sessions.is_still_wanted()
        && let Some(session) = key.take_oldest()
    {
        services.close(session, services.reclaim_reason());
    }
    services.request_reclaim();
}
