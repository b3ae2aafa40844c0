//! The keys of a pool, page by page.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::{
    best::Best,
    query::{KeyCursor, KeyQuery},
};
use crate::{
    acquire::Acquirer,
    key::KeyPool,
    time::seconds,
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
    /// True while the key opens no session beside those that it has, since its server refused one:
    /// its callers wait for those.
    pub paused: bool,
    /// The time since a session was last acquired.
    #[serde(serialize_with = "seconds")]
    pub idle_for: Duration,
    /// How long the oldest of its sessions has been open.
    #[serde(serialize_with = "seconds")]
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
    #[serde(serialize_with = "seconds")]
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
    pub(crate) fn of(pool: &Acquirer, query: &KeyQuery, now: Instant) -> Self {
        let mut best = Best::of(query);
        match query.needs_keys() {
            true => best.look_at_keys(&pool.keys, query, now),
            false => best.look_at_tallies(&pool.upstreams, query, now),
        }
        let matching = best.matching;
        let (ranks, has_more) = best.into_page();
        let row = |rank: &KeyCursor| pool.keys.named(rank.fingerprint());
        let keys = ranks.iter().filter_map(row);
        Self {
            rows: keys.map(|key| KeyStats::of(&key, now)).collect(),
            next: ranks.last().filter(|_| has_more).copied(),
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
            paused: counts.paused,
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
