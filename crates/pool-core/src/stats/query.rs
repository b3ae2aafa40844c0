//! Queries for the keys of a pool.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    key::{Counts, KeyPool},
    time::Timestamp,
    types::BreakerState,
    upstream::{TallyReading, Upstream},
};

/// Which keys to return, and in which order.
///
/// ```
/// use mcp_pool_core::stats::{KeyOrder, KeyQuery};
/// // The fifty keys with the longest lines at one server.
/// let query = KeyQuery {
///     host: Some("example.com".to_owned()),
///     order: KeyOrder::Waiting,
///     limit: 50,
///     ..KeyQuery::default()
/// };
/// # drop(query);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyQuery {
    /// Only keys of endpoints on this host. Default: any.
    pub host: Option<String>,
    /// Only keys over this transport. Default: any.
    pub transport: Option<String>,
    /// Only keys of this scope: `conversation`, `identity` or `shared`. Default: any.
    pub scope: Option<String>,
    /// Only keys in this condition. Default: any.
    pub condition: Option<KeyCondition>,
    /// What comes first. Default: the longest line.
    pub order: KeyOrder,
    /// Only what comes after this: where the page before ended. Default: from the beginning.
    pub after: Option<KeyCursor>,
    /// How many rows, 1 to 1,000; more are taken for 1,000. Default: 100.
    pub limit: usize,
}

impl Default for KeyQuery {
    fn default() -> Self {
        Self {
            host: None,
            transport: None,
            scope: None,
            condition: None,
            order: KeyOrder::default(),
            after: None,
            limit: 100,
        }
    }
}

/// A condition that selects keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyCondition {
    /// Its endpoint's circuit is not closed.
    Broken,
    /// Sessions are being opened.
    Connecting,
    /// Something went wrong with one of its sessions once.
    Failed,
    /// None of its sessions is in use.
    Idle,
    /// A session is in use.
    InUse,
    /// Callers wait.
    Waiting,
}

/// By what keys are put in order; the largest comes first, and equal ones by fingerprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyOrder {
    /// By the fingerprint alone.
    Fingerprint,
    /// By the time since a session was last acquired.
    IdleFor,
    /// By the calls and leases under way.
    InUse,
    /// By the age of the oldest session.
    Oldest,
    /// By the sessions open or being opened.
    Sessions,
    /// By the number of waiting callers.
    #[default]
    Waiting,
}

/// Where a page ended. Opaque, and good for a query in the same order. Serialised as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyCursor {
    rank: u64,
    fingerprint: u64,
}

impl KeyQuery {
    /// True where the tallies of the keys do not suffice.
    pub(super) fn needs_keys(&self) -> bool {
        self.scope.is_some()
            || self.order == KeyOrder::Oldest
            || self.condition == Some(KeyCondition::Failed)
    }

    /// Whether it may be about keys of an upstream.
    pub(super) fn matches_upstream(&self, upstream: &Upstream, now: Instant) -> bool {
        let endpoint = &upstream.endpoint;
        let is_broken = || upstream.circuit(now).state != BreakerState::Closed;
        fits(self.host.as_deref(), endpoint.host())
            && fits(self.transport.as_deref(), endpoint.transport().as_str())
            && (self.condition != Some(KeyCondition::Broken) || is_broken())
    }

    /// Whether it is about a key of an upstream that matches, by its tally.
    pub(super) fn matches_tally(&self, tally: &TallyReading) -> bool {
        match self.condition {
            None | Some(KeyCondition::Broken | KeyCondition::Failed) => true,
            Some(KeyCondition::Connecting) => tally.sessions.connecting > 0,
            Some(KeyCondition::Idle) => tally.in_use == 0,
            Some(KeyCondition::InUse) => tally.in_use > 0,
            Some(KeyCondition::Waiting) => tally.sessions.waiting > 0,
        }
    }

    /// The rank of a key in the query's order, by its tally.
    pub(super) fn rank_of_tally(&self, tally: &TallyReading) -> KeyCursor {
        let sessions = tally.sessions;
        let rank = match self.order {
            KeyOrder::Fingerprint | KeyOrder::Oldest => 0,
            KeyOrder::IdleFor => u64::MAX - tally.last_used,
            KeyOrder::InUse => tally.in_use as u64,
            KeyOrder::Sessions => (sessions.idle + sessions.busy + sessions.connecting) as u64,
            KeyOrder::Waiting => sessions.waiting as u64,
        };
        KeyCursor {
            rank,
            fingerprint: tally.name,
        }
    }

    /// Whether it is about a key.
    pub(crate) fn matches(&self, key_pool: &KeyPool, counts: &Counts, now: Instant) -> bool {
        let key = &key_pool.key;
        fits(self.host.as_deref(), key.endpoint().host())
            && fits(self.transport.as_deref(), key.transport().as_str())
            && fits(self.scope.as_deref(), key.scope().as_str())
            && self
                .condition
                .is_none_or(|condition| condition.holds(key_pool, counts, now))
    }

    /// The rank of a key in the query's order.
    pub(crate) fn rank(&self, key_pool: &KeyPool, counts: &Counts) -> KeyCursor {
        KeyCursor {
            rank: self.order.rank(key_pool, counts),
            fingerprint: key_pool.key.fingerprint().number(),
        }
    }
}

fn fits(wanted: Option<&str>, is: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == is)
}

impl KeyCursor {
    pub(super) fn fingerprint(self) -> u64 {
        self.fingerprint
    }
}

impl KeyCondition {
    fn holds(self, key_pool: &KeyPool, counts: &Counts, now: Instant) -> bool {
        match self {
            Self::Broken => key_pool.upstream.circuit(now).state != BreakerState::Closed,
            Self::Connecting => counts.connecting > 0,
            Self::Failed => key_pool.history.summary().last_error.is_some(),
            Self::Idle => counts.in_use == 0,
            Self::InUse => counts.in_use > 0,
            Self::Waiting => counts.waiting > 0,
        }
    }
}

impl KeyOrder {
    /// The rank of a key. Of points in time the earlier ranks higher, independent of the time of
    /// the query.
    fn rank(self, key_pool: &KeyPool, counts: &Counts) -> u64 {
        let earlier = |at: Timestamp| u64::MAX - at.nanos();
        match self {
            Self::Fingerprint => 0,
            Self::IdleFor => earlier(key_pool.last_used()),
            Self::InUse => counts.in_use as u64,
            Self::Oldest => key_pool.history.summary().oldest.map_or(0, earlier),
            Self::Sessions => (counts.idle + counts.busy + counts.connecting) as u64,
            Self::Waiting => counts.waiting as u64,
        }
    }
}

impl From<KeyCursor> for String {
    fn from(cursor: KeyCursor) -> Self {
        format!("{:016x}{:016x}", cursor.rank, cursor.fingerprint)
    }
}

impl TryFrom<String> for KeyCursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let both = u128::from_str_radix(&text, 16).map_err(|_| "not a cursor")?;
        Ok(Self {
            rank: (both >> 64) as u64,
            fingerprint: both as u64,
        })
    }
}

impl Ord for KeyCursor {
    /// The largest rank comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_rank = other.rank.cmp(&self.rank);
        by_rank.then(self.fingerprint.cmp(&other.fingerprint))
    }
}

impl PartialOrd for KeyCursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
