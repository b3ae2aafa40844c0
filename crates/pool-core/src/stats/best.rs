//! The keys that come first in the order of a query.

use std::collections::BinaryHeap;

use tokio::time::Instant;

use super::query::{KeyCursor, KeyQuery};
use crate::{key::KeyMap, upstream::Upstreams};

/// The keys that come first in the order of a query, of those that were looked at.
pub(super) struct Best {
    after: Option<KeyCursor>,
    limit: usize,
    /// The best so far, the worst of them on top. One more than the page shows that there is a next
    /// page.
    ranks: BinaryHeap<KeyCursor>,
    /// How many keys the query is about.
    pub(super) matching: usize,
}

impl Best {
    pub(super) fn of(query: &KeyQuery) -> Self {
        let limit = query.limit.clamp(1, MAX_ROWS);
        Self {
            after: query.after,
            limit,
            ranks: BinaryHeap::with_capacity(limit + 2),
            matching: 0,
        }
    }

    /// Looks at the tallies of the keys, which are side by side in memory.
    pub(super) fn look_at_tallies(
        &mut self,
        upstreams: &Upstreams,
        query: &KeyQuery,
        now: Instant,
    ) {
        for upstream in upstreams.all() {
            if query.matches_upstream(&upstream, now) {
                upstream.tallies.for_each(|tally| {
                    if query.matches_tally(&tally) {
                        self.add(query.rank_of_tally(&tally));
                    }
                });
            }
        }
    }

    /// Looks at every key, under its lock.
    pub(super) fn look_at_keys(&mut self, keys: &KeyMap, query: &KeyQuery, now: Instant) {
        for key in keys.iter() {
            let counts = key.counts();
            if !counts.removed && query.matches(&key, &counts, now) {
                self.add(query.rank(&key, &counts));
            }
        }
    }

    /// The page in order, and whether another one follows.
    pub(super) fn into_page(self) -> (Vec<KeyCursor>, bool) {
        let mut ranks = self.ranks.into_sorted_vec();
        let has_more = ranks.len() > self.limit;
        ranks.truncate(self.limit);
        (ranks, has_more)
    }

    fn add(&mut self, rank: KeyCursor) {
        self.matching += 1;
        let is_later = self.after.is_none_or(|after| rank > after);
        let has_room = self.ranks.len() <= self.limit;
        if is_later && (has_room || self.ranks.peek().is_some_and(|top| rank < *top)) {
            self.ranks.push(rank);
            if self.ranks.len() > self.limit + 1 {
                self.ranks.pop();
            }
        }
    }
}

/// The longest page.
const MAX_ROWS: usize = 1_000;
