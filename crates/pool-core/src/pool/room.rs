//! How the closer makes room: it takes from the keys that were used the longest ago.

use std::{
    collections::BinaryHeap,
    sync::{Arc, Weak},
};

use super::{Shared, limit::Limit, sweep::bury};
use crate::{
    bucket::{Bucket, Counts},
    event::CloseReason,
    moment::Moment,
};

/// Makes room, and remembers whom to take it from next.
#[derive(Default)]
pub(super) struct Room {
    unused: Victims,
    idle: Victims,
}

impl Room {
    /// Forgets unused keys and closes idle sessions, those used the longest ago first, until nobody
    /// lacks a place or there is nothing left to give.
    pub(super) fn make(&mut self, pool: &Shared) {
        let capacity = &pool.hub.capacity;
        capacity.sessions.send_away_unwanting();
        capacity.keys.send_away_unwanting();
        let is_unused = |counts: &Counts| counts.busy + counts.connecting + counts.waiting == 0;
        self.unused.give(&capacity.keys, pool, is_unused, |bucket| {
            bury(pool, bucket, None, CloseReason::Room)
        });
        self.give_sessions(pool);
    }

    fn give_sessions(&mut self, pool: &Shared) {
        let limit = &pool.hub.capacity.sessions;
        let has_idle = |counts: &Counts| counts.idle > 0;
        if limit.is_short() {
            // Whatever has come free since was given up where it was.
            return;
        }
        self.idle.give(limit, pool, has_idle, give_up_oldest);
        if limit.is_wanted() {
            limit.note_short();
            // What came free before that was known is found now.
            self.idle.give(limit, pool, has_idle, give_up_oldest);
        }
    }
}

/// The keys that were used the longest ago when all of them were looked at, oldest first.
///
/// To look at all of them takes long where they are many, so that as many are found at once as make
/// up for it. The order stays true meanwhile: whoever was left out was used later than all of these,
/// and whoever was used since is left out now.
#[derive(Default)]
struct Victims(std::vec::IntoIter<Victim>);

struct Victim {
    last_used: Moment,
    bucket: Weak<Bucket>,
}

impl Victims {
    /// Has the keys of which this holds `give`, until nobody lacks a place under the limit.
    fn give(
        &mut self,
        limit: &Limit,
        pool: &Shared,
        has: impl Fn(&Counts) -> bool,
        give: impl Fn(&Arc<Bucket>) -> bool,
    ) {
        self.give_what_is_left(limit, &give);
        let mut gave = true;
        while gave && limit.is_wanted() {
            *self = Self::find(pool, &has);
            gave = self.give_what_is_left(limit, &give);
        }
    }

    /// Returns whether any gave something.
    fn give_what_is_left(&mut self, limit: &Limit, give: impl Fn(&Arc<Bucket>) -> bool) -> bool {
        let mut gave = false;
        while limit.is_wanted()
            && let Some(victim) = self.0.as_slice().first()
        {
            if victim.unless_used_since().is_some_and(|key| give(&key)) {
                gave = true;
            } else {
                self.0.next();
            }
        }
        gave
    }

    fn find(pool: &Shared, has: impl Fn(&Counts) -> bool) -> Self {
        let keys = pool.hub.capacity.keys.taken();
        let at_once = (keys / SHARE).clamp(MIN_AT_ONCE, MAX_AT_ONCE);
        let mut oldest: BinaryHeap<Victim> = BinaryHeap::with_capacity(at_once + 1);
        for (_, bucket) in &pool.buckets {
            if !has(&bucket.slots.counts()) {
                continue;
            }
            oldest.push(Victim {
                last_used: bucket.slots.last_used(),
                bucket: Arc::downgrade(&bucket),
            });
            if oldest.len() > at_once {
                oldest.pop();
            }
        }
        Self(oldest.into_sorted_vec().into_iter())
    }
}

impl Victim {
    fn unless_used_since(&self) -> Option<Arc<Bucket>> {
        let bucket = self.bucket.upgrade()?;
        (bucket.slots.last_used() == self.last_used).then_some(bucket)
    }
}

fn give_up_oldest(bucket: &Arc<Bucket>) -> bool {
    let Some(live) = bucket.slots.take_oldest() else {
        return false;
    };
    bucket.hub.close(live, CloseReason::Room);
    true
}

impl PartialEq for Victim {
    fn eq(&self, other: &Self) -> bool {
        self.last_used == other.last_used
    }
}

impl Eq for Victim {}

impl PartialOrd for Victim {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Victim {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.last_used.cmp(&other.last_used)
    }
}

/// Of so many keys one is found at once: to look at these costs little beside a connect.
const SHARE: usize = 16;

const MIN_AT_ONCE: usize = 64;

/// Whoever is forgotten meanwhile keeps about a kilobyte until its turn comes.
const MAX_AT_ONCE: usize = 4_096;
