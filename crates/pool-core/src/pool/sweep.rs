//! What the closer does with a key when it looks at it.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Shared;
use crate::{bucket::Bucket, event::CloseReason, moment::Moment};

/// Closes what has expired, ends the waiting of those whose patience has, and forgets the key if it
/// was not used for long. Returns when to look again, unless the key was forgotten.
pub(super) fn look(pool: &Shared, bucket: &Arc<Bucket>, now: Instant) -> Option<Instant> {
    let (config, clock) = (&pool.hub.config, &pool.hub.clock);
    let now_here = clock.moment(now);
    let expired = bucket.slots.weed(|live, _| live.ends_at <= now_here);
    bucket.close_all(expired, CloseReason::Expired);
    let credentials = bucket.newest.retirements();
    if credentials.iter().any(|at| *at <= now_here) {
        let unused = bucket.slots.weed(|_, _| true);
        bucket.close_all(unused, CloseReason::CredentialExpired);
    }
    let lost = bucket.slots.weed(|live, _| live.session.is_over());
    bucket.close_all(lost, CloseReason::Lost);
    let (late, next_deadline) = bucket.slots.expire(now_here);
    late.iter().for_each(|ask| ask.time_out());
    if !late.is_empty() {
        pool.hub.look_for_room(bucket);
    }

    let idle_since = bucket.slots.last_used();
    let forget_at = crate::expiry::after(
        clock.instant(idle_since),
        config.timeouts.idle_pool_eviction,
    );
    if forget_at <= now && bury(pool, bucket, Some(idle_since), CloseReason::Idle) {
        return None;
    }
    if bucket.slots.is_dead() {
        return None;
    }
    let pause = config
        .timeouts
        .session_ttl
        .min(config.timeouts.idle_pool_eviction)
        / 8;
    let soonest = crate::expiry::after(now, pause.max(MIN_BETWEEN_LOOKS));
    let first_end = bucket.slots.first_end(|live| live.ends_at);
    let ends = first_end.into_iter().chain(credentials);
    let next_end = ends.filter(|at| *at > now_here).min();
    let next = next_end.map_or(forget_at, |end| clock.instant(end).min(forget_at));
    // A key in use past its idle time is looked at again after a while.
    let next = if next <= now { soonest } else { next };
    Some(next_deadline.map_or(next, |deadline| clock.instant(deadline).min(next)))
}

/// Forgets a key that nobody uses, unless it was used since. Returns whether it did.
pub(super) fn bury(
    pool: &Shared,
    bucket: &Arc<Bucket>,
    unless_used_since: Option<Moment>,
    reason: CloseReason,
) -> bool {
    let Some((members, tally)) = bucket.slots.bury(unless_used_since) else {
        return false;
    };
    pool.hub.counters.keep(tally);
    bucket.close_all(members, reason);
    bucket.chronicle.note_forgotten(reason);
    pool.forget(bucket);
    true
}

const MIN_BETWEEN_LOOKS: Duration = Duration::from_millis(1);
