//! The one place where the effects of a key's change are run.

use std::sync::Arc;

use super::effects::{EffectList, Effects};
use super::job::{Job, JobSender};
use super::key_pool::KeyPool;
use super::slots::Fate;
use crate::extend::CloseReason;

/// Starts the connects that a key wants.
pub(crate) trait ConnectStarter {
    fn start(&self, key: &Arc<KeyPool>);
}

/// Leaves the start to the maintenance task, since `Drop` never spawns.
impl ConnectStarter for JobSender {
    fn start(&self, key: &Arc<KeyPool>) {
        self.send(Job::Connect(key.key.clone()));
    }
}

/// Runs effects; the maintenance task starts the connects.
#[inline]
pub(crate) fn run(key: &Arc<KeyPool>, effects: Effects) {
    match effects {
        Effects::None => {}
        Effects::Reclaim => reclaim(key),
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

#[inline(never)]
fn run_list(key: &Arc<KeyPool>, list: EffectList, starter: &impl ConnectStarter) {
    for (session, reason) in list.close {
        key.services.close(session, reason);
    }
    for (waiter, grant) in list.grants {
        if let Err(Ok(slot)) = waiter.grant(grant) {
            // The waiter left: its slot goes to the next one.
            let effects = key.release(slot, Fate::Undelivered, CloseReason::Superseded);
            run_with(key, effects, starter);
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
        && sessions.first_still_waits()
        && let Some(session) = key.take_oldest()
    {
        services.close(session, CloseReason::Room);
    }
    services.request_reclaim();
}
