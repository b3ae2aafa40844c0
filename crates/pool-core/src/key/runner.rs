//! The one place where the effects of a key's change are run.

use std::sync::Arc;

use super::{
    effects::{EffectList, Effects},
    job::{Job, WeakJobSender},
    key_pool::KeyPool,
    seeking::SessionSeeker,
    services::reclaim_reason_of_quota,
    slots::Served,
};

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
        Effects::Handover(served) => hand_over(key, served),
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

/// Wakes a waiter that got a slot.
#[inline(never)]
fn hand_over(key: &Arc<KeyPool>, served: Served) {
    served.waker.wake();
    if served.is_settled {
        leave_line(key);
    }
}

/// Has a key that needs no session any more leave the line of those that seek one.
#[inline]
fn leave_line(key: &Arc<KeyPool>) {
    if key.is_in_line() {
        let seeker: SessionSeeker = Arc::<KeyPool>::clone(key);
        key.services.capacity.sessions.settle(&seeker);
    }
}

#[inline(never)]
fn run_list(key: &Arc<KeyPool>, list: EffectList, starter: &impl ConnectStarter) {
    let is_short = !list.close.is_empty();
    for (session, reason) in list.close {
        key.services.close(session, reason);
    }
    if is_short {
        run(key, key.plan_spares());
    }
    for waker in list.wakers {
        waker.wake();
    }
    if list.settled {
        leave_line(key);
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

/// Where no key has an idle session, the session that has just become idle is closed at once, and
/// likewise the key that has just become unused is removed: the maintenance task would often come too
/// late, after the next use began.
#[inline(never)]
fn reclaim_here(key: &Arc<KeyPool>) {
    let services = &key.services;
    let (sessions, keys) = (&services.capacity.sessions, &services.capacity.keys);
    if sessions.is_short()
        && sessions.is_exhausted()
        && let Some(session) = key.take_oldest()
    {
        services.close(session, services.reclaim_reason());
    }
    // An idle session makes way for another key of the same quota, whichever is the older one.
    if let Some(quota) = key.quota_in_want()
        && let Some(session) = key.take_oldest()
    {
        services.close(session, reclaim_reason_of_quota(quota));
    }
    if keys.is_wanted() && keys.is_exhausted() {
        key.give_up(services.reclaim_key_reason());
    }
    if sessions.is_short() || keys.is_wanted() {
        services.request_reclaim();
    }
}
