//! What a sweep does with a key.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use crate::{
    acquire::{check_idle, open_spares},
    extend::CloseReason,
    key::{KeyMap, KeyPool, PooledSession, run},
    time::{Timestamp, after},
};

/// Closes expired sessions, ends the waiting of callers whose deadline has passed, and removes the
/// key if it is idle for too long. Returns when to sweep again, unless the key was removed.
pub(crate) fn sweep(keys: &KeyMap, key: &Arc<KeyPool>, now: Instant) -> Option<Timestamp> {
    let context = &key.services.context;
    let clock = &context.clock;
    let here = clock.timestamp(now);
    run(
        key,
        key.close_unused(CloseReason::Expired, |session| session.ends_at <= here),
    );
    let credential_ends = key.credentials.retirements();
    if credential_ends.iter().any(|at| *at <= here) {
        run(
            key,
            key.close_unused(CloseReason::CredentialExpired, |_| true),
        );
    }
    let is_over = |session: &PooledSession| session.is_over();
    run(key, key.close_unused(CloseReason::Lost, is_over));
    let (expired, next_deadline) = key.expire_waiters(here);
    run(key, expired);

    run(key, key.end_turn());
    open_spares(key, here);
    let next_check = check_idle(key, here);
    let (resumed, paused_until) = key.resume_connects(here);
    run(key, resumed);

    let timeouts = &context.config.timeouts;
    let idle_since = key.last_used();
    let remove_at = after(clock.instant(idle_since), timeouts.idle_pool_eviction);
    if remove_at <= now && keys.remove(key, Some(idle_since), CloseReason::Idle) {
        return None;
    }
    if key.is_removed() {
        return None;
    }
    let pause = timeouts.session_ttl.min(timeouts.idle_pool_eviction) / 8;
    let soonest = after(now, pause.max(MIN_PAUSE));
    let ends = key.first_session_end().into_iter().chain(credential_ends);
    let next_end = ends.filter(|at| *at > here).min();
    let next = next_end.map_or(remove_at, |end| clock.instant(end).min(remove_at));
    // A key in use past its idle time is swept again after a pause.
    let next = if next <= now { soonest } else { next };
    // So is one with a session in use, whose own end is not known here and may pass meanwhile.
    let next = match key.has_sessions_in_use() {
        true => next.min(after(now, pause.max(MIN_PAUSE_IN_USE))),
        false => next,
    };
    let next = clock.timestamp(next);
    let sooner = [next_deadline, paused_until, next_check]
        .into_iter()
        .flatten();
    Some(sooner.fold(next, Timestamp::min))
}

const MIN_PAUSE: Duration = Duration::from_millis(1);
/// Between the sweeps of a key in use, which happen for as long as the use lasts.
const MIN_PAUSE_IN_USE: Duration = Duration::from_secs(1);
