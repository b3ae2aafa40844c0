//! The keys of a pool, page by page.

use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::time::Instant;

use super::query::{KeyCursor, KeyQuery};
use crate::{
    key::{KeyMap, KeyPool},
    types::{BreakerState, Era, Fingerprint, TransportKind},
};

/// The state of a key. Holds no secret: the key appears as a fingerprint, its URL without query.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KeyStats {
    /// The key, by its short name.
    pub fingerprint: Fingerprint,
    /// The URL without its query.
    pub endpoint: String,
    /// The transport.
    pub transport: TransportKind,
    /// The era of the newest session with the endpoint; `None` before the first.
    pub era: Option<Era>,
    /// `conversation`, `identity` or `shared`.
    pub scope: &'static str,
    /// Idle sessions.
    pub available: usize,
    /// Sessions in use.
    pub active: usize,
    /// Calls and leases under way. More than `active` where a session has several slots.
    pub in_use: usize,
    /// Sessions being opened.
    pub connecting: usize,
    /// Waiting callers.
    pub waiting: usize,
    /// The limit of sessions.
    pub max: usize,
    /// The time since a session was last acquired.
    #[serde(with = "humantime_serde")]
    pub idle_for: Duration,
    /// How long the oldest of its sessions has been open.
    #[serde(with = "humantime_serde")]
    pub oldest: Option<Duration>,
    /// What went wrong last with opening or checking a session, and how long ago.
    pub last_error: Option<KeyError>,
    /// The circuit of its endpoint.
    pub breaker: BreakerState,
}

/// What went wrong last with a key's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyError {
    /// A short word, as [`FaultKind::label`](crate::error::FaultKind::label) or
    /// [`CheckError::label`](crate::error::CheckError::label) give it.
    pub kind: &'static str,
    /// How long ago.
    #[serde(with = "humantime_serde")]
    pub ago: Duration,
}

/// A page of keys.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KeyPage {
    /// The keys, in order.
    pub rows: Vec<KeyStats>,
    /// How many keys the query is about, on all pages.
    pub matching: usize,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<KeyCursor>,
}

impl KeyPage {
    /// The page of a query at `now`.
    pub(crate) fn of(keys: &KeyMap, query: &KeyQuery, now: Instant) -> Self {
        let limit = query.limit.clamp(1, MAX_ROWS);
        // A heap of the best rows so far, the worst of them on top. One row more than the page shows
        // that there is a next page.
        let mut best: BinaryHeap<Ranked> = BinaryHeap::with_capacity(limit + 2);
        let mut matching = 0;
        for key in keys.iter() {
            let counts = key.counts();
            if counts.removed || !query.matches(&key, &counts, now) {
                continue;
            }
            matching += 1;
            let rank = query.rank(&key, &counts);
            let is_later = query.after.is_none_or(|after| rank > after);
            if is_later && (best.len() <= limit || best.peek().is_some_and(|top| rank < top.0)) {
                best.push(Ranked(rank, key));
                if best.len() > limit + 1 {
                    best.pop();
                }
            }
        }
        let mut best = best.into_sorted_vec();
        let has_more = best.len() > limit;
        best.truncate(limit);
        Self {
            next: best.last().filter(|_| has_more).map(|last| last.0),
            rows: best
                .iter()
                .map(|Ranked(_, key)| KeyStats::of(key, now))
                .collect(),
            matching,
        }
    }
}

impl KeyStats {
    /// The row of a key at `now`.
    pub(crate) fn of(key: &KeyPool, now: Instant) -> Self {
        let here = key.services.context.clock.timestamp(now);
        let counts = key.counts();
        let history = key.history.summary();
        Self {
            fingerprint: key.key.fingerprint(),
            endpoint: key.key.endpoint().to_string(),
            transport: key.key.transport().clone(),
            era: key.upstream.era(),
            scope: key.key.scope().as_str(),
            available: counts.idle,
            active: counts.busy,
            in_use: counts.in_use,
            connecting: counts.connecting,
            waiting: counts.waiting,
            max: key.max_sessions(),
            idle_for: here.since(key.last_used()),
            oldest: history.oldest.map(|opened| here.since(opened)),
            last_error: history.last_error.map(|error| KeyError {
                kind: error.kind,
                ago: here.since(error.at),
            }),
            breaker: key.upstream.circuit(now).state,
        }
    }
}

/// A key and its rank in the order of a query.
struct Ranked(KeyCursor, Arc<KeyPool>);

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// The longest page.
const MAX_ROWS: usize = 1_000;
