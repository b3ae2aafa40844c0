//! What the closer does with a key when it looks at it, and how it makes room.

use std::{collections::BinaryHeap, sync::Arc};

use tokio::time::{Duration, Instant};

use super::{Shared, limit::Limit};
use crate::{
    CloseReason,
    bucket::{Bucket, Counts},
    moment::Moment,
};

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
        pool.hub.look_for_room();
    }

    let idle_since = bucket.slots.last_used();
    let forget_at = crate::expiry::after(clock.instant(idle_since), config.idle_pool_eviction);
    if forget_at <= now && bury(pool, bucket, Some(idle_since), CloseReason::Idle) {
        return None;
    }
    if bucket.slots.is_dead() {
        return None;
    }
    let pause = config.session_ttl.min(config.idle_pool_eviction) / 8;
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

/// Forgets unused keys and closes idle sessions, those used the longest ago first, until nobody lacks
/// a place or there is nothing left to give.
pub(super) fn make_room(pool: &Shared) {
    let capacity = &pool.hub.capacity;
    capacity.sessions.send_away_unwanting();
    capacity.keys.send_away_unwanting();
    let is_unused = |counts: &Counts| counts.busy + counts.connecting + counts.waiting == 0;
    relieve(&capacity.keys, pool, is_unused, |bucket| {
        bury(pool, bucket, None, CloseReason::Room)
    });
    let has_idle = |counts: &Counts| counts.idle > 0;
    relieve(&capacity.sessions, pool, has_idle, give_up_oldest);
}

/// Takes from the keys used the longest ago, among those that have something to `give`, until nobody
/// lacks a place under the limit.
fn relieve(
    limit: &Limit,
    pool: &Shared,
    has: impl Fn(&Counts) -> bool,
    give: impl Fn(&Arc<Bucket>) -> bool,
) {
    let mut gave = true;
    while gave && limit.is_wanted() {
        gave = false;
        for bucket in least_recently_used(pool, &has) {
            if !limit.is_wanted() {
                return;
            }
            gave |= give(&bucket);
        }
    }
}

fn give_up_oldest(bucket: &Arc<Bucket>) -> bool {
    let Some(live) = bucket.slots.take_oldest() else {
        return false;
    };
    bucket.hub.close(live, CloseReason::Room);
    true
}

/// The keys that were used the longest ago among those of which this holds, oldest first.
fn least_recently_used(pool: &Shared, has: impl Fn(&Counts) -> bool) -> Vec<Arc<Bucket>> {
    let mut oldest: BinaryHeap<ByAge> = BinaryHeap::with_capacity(VICTIMS_AT_ONCE + 1);
    for (_, bucket) in &pool.buckets {
        if !has(&bucket.slots.counts()) {
            continue;
        }
        oldest.push(ByAge(bucket.slots.last_used(), bucket));
        if oldest.len() > VICTIMS_AT_ONCE {
            oldest.pop();
        }
    }
    oldest
        .into_sorted_vec()
        .into_iter()
        .map(|ByAge(_, bucket)| bucket)
        .collect()
}

/// A key, ordered by when it was last used.
struct ByAge(Moment, Arc<Bucket>);

impl PartialEq for ByAge {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for ByAge {}

impl PartialOrd for ByAge {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByAge {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// How many victims one pass over the keys picks out.
const VICTIMS_AT_ONCE: usize = 64;

const MIN_BETWEEN_LOOKS: Duration = Duration::from_millis(1);
