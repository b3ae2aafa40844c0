//! The state of a pool at a point in time.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::Serialize;
use tokio::time::Instant;

use super::key::KeyStats;
use crate::{
    acquire::Acquirer,
    context::Counters,
    time::seconds,
    types::{BreakerState, Fingerprint},
    upstream::TallyReading,
};

/// The state of a pool at a point in time. Holds no secret: keys appear as fingerprints, URLs
/// without their queries.
///
/// What is added up from all keys is read without a lock: while the pool works, the numbers of several
/// keys are not of the very same instant. A row is of one instant.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct PoolStats {
    /// Acquires served by a session that was there.
    pub hits: u64,
    /// Acquires for which a session had to be opened, whether or not that succeeded.
    pub misses: u64,
    /// `hits` by `hits + misses`; 0 before the first acquire.
    pub hit_rate: f64,
    /// Sessions closed before their time: to reclaim capacity, under a lowered limit, with their
    /// key, or by an eviction.
    pub evictions: u64,
    /// Idle sessions that did not pass a health check.
    pub health_check_failures: u64,
    /// How often a circuit opened.
    pub circuit_breaker_trips: u64,
    /// Removed keys.
    pub pool_keys_evicted: u64,
    /// Idle sessions closed in the background at the end of their life.
    pub sessions_reaped: u64,
    /// Requests without anything that separates one caller from another.
    pub anonymous_identity_count: u64,
    /// How often an identity extractor failed.
    pub extract_failures: u64,
    /// Sessions that were open when their principal or identity was revoked.
    pub sessions_revoked: u64,
    /// Sessions opened so far.
    pub sessions_opened: u64,
    /// Those of them that other replicas had opened; 0 for a pool without a fleet.
    pub sessions_revived: u64,
    /// Sessions closed so far, farewell included.
    pub sessions_closed: u64,
    /// Those of them that were left to other replicas, without a farewell; 0 for a pool without a fleet.
    pub sessions_handed_over: u64,
    /// Sessions whose server may not have got the farewell: it failed, timed out, or the runtime of the pool
    /// ended before.
    pub farewells_failed: u64,
    /// Leases that were held for longer than `lease_overdue_after`; 0 where leases are not watched.
    pub leases_overdue: u64,
    /// List changes that sessions received.
    pub list_changes: u64,
    /// Parts of results that could not be read: items of lists, content blocks and fields.
    pub parts_left_out: u64,
    /// Changes of the streams on which servers send messages of their own: opened, broken off, refused.
    pub server_stream_changes: u64,
    /// Requests of servers that were refused, since their sessions had
    /// [`max_server_requests_per_session`](crate::config::LimitsConfig::max_server_requests_per_session) open.
    pub server_requests_refused: u64,
    /// Notifications of servers that were dropped, since their sessions had
    /// [`max_server_notifications_per_session`](crate::config::LimitsConfig::max_server_notifications_per_session)
    /// waiting.
    pub server_notifications_dropped: u64,
    /// Lists of prompts, resources and templates, and contents of resources that were there already; 0
    /// where the pool keeps none.
    pub answer_hits: u64,
    /// Lists of prompts, resources and templates, and contents of resources requested from a server; 0
    /// where the pool caches none.
    pub answer_misses: u64,
    /// Tool lists that were there already; 0 where the pool keeps none.
    pub tool_list_hits: u64,
    /// Tool lists requested from a server; 0 where the pool caches none.
    pub tool_list_misses: u64,
    /// How often a key or a caller had to wait for a quota.
    pub quota_waits: u64,
    /// Callers that got nothing before their deadline for the sake of a quota.
    pub quota_timeouts: u64,
    /// Keys known now.
    pub pool_key_count: usize,
    /// Sessions in use now.
    pub total_active_sessions: usize,
    /// Sessions open or being opened now.
    pub total_sessions: usize,
    /// The limit of keys; 0 for none.
    pub max_total_keys: usize,
    /// The limit of sessions; 0 for none.
    pub max_total_sessions: usize,
    /// A row for each key, by fingerprint; of more than 100 keys the first 100.
    /// [`SessionPool::key_stats`](crate::SessionPool::key_stats) has all of them, page by page.
    pub pools: BTreeMap<Fingerprint, KeyStats>,
    /// One row for each endpoint whose circuit has changed, by URL without query. Of endpoints that
    /// differ only in query or transport it is the worst one;
    /// [`SessionPool::endpoint_stats`](crate::SessionPool::endpoint_stats) separates them by
    /// transport.
    pub circuit_breakers: BTreeMap<String, BreakerStats>,
}

/// The state of a circuit.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BreakerStats {
    /// Failures in a row.
    pub failures: u32,
    /// Whether attempts are admitted.
    pub state: BreakerState,
    /// The remaining time until the next probe; `None` when the circuit is closed, or open by hand.
    #[serde(serialize_with = "seconds")]
    pub open_for: Option<Duration>,
    /// When the next probe is due, by the wall clock; `None` when the circuit is closed, or open by
    /// hand.
    #[serde(with = "humantime_serde")]
    pub open_until: Option<SystemTime>,
}

impl PoolStats {
    /// The state of a pool at `now`.
    pub(crate) fn of(pool: &Acquirer, now: Instant) -> Self {
        let (context, capacity) = (pool.context(), &pool.services.capacity);
        let counters = &context.counters;
        let limits = *capacity.limits();
        let mut stats = Self {
            hits: Counters::read(&counters.past_hits),
            misses: Counters::read(&counters.past_misses),
            evictions: Counters::read(&counters.evictions),
            health_check_failures: Counters::read(&counters.check_failures),
            circuit_breaker_trips: Counters::read(&counters.breaker_trips),
            pool_keys_evicted: Counters::read(&counters.keys_evicted),
            sessions_reaped: Counters::read(&counters.reaped),
            anonymous_identity_count: Counters::read(&counters.anonymous),
            extract_failures: Counters::read(&counters.extract_failures),
            sessions_revoked: Counters::read(&counters.revoked),
            sessions_opened: Counters::read(&counters.opened),
            sessions_revived: Counters::read(&counters.revived),
            sessions_handed_over: Counters::read(&counters.handed_over),
            sessions_closed: Counters::read(&counters.closed),
            farewells_failed: Counters::read(&counters.farewells_failed),
            leases_overdue: Counters::read(&counters.leases_overdue),
            list_changes: Counters::read(&counters.list_changes),
            parts_left_out: Counters::read(&counters.parts_left_out),
            server_stream_changes: Counters::read(&counters.server_stream_changes),
            server_requests_refused: context.inbox_bounds.refused(),
            server_notifications_dropped: context.inbox_bounds.dropped(),
            answer_hits: Counters::read(&counters.answer_hits),
            answer_misses: Counters::read(&counters.answer_misses),
            tool_list_hits: Counters::read(&counters.tool_list_hits),
            tool_list_misses: Counters::read(&counters.tool_list_misses),
            quota_waits: Counters::read(&counters.quota_waits),
            quota_timeouts: Counters::read(&counters.quota_timeouts),
            total_sessions: capacity.sessions.taken(),
            max_total_keys: limits.max_total_keys,
            max_total_sessions: limits.max_total_sessions,
            ..Self::default()
        };
        for upstream in pool.upstreams.all() {
            upstream.tallies.for_each(|tally| stats.add_key(&tally));
        }
        let rows = pool.keys.first(MAX_ROWS).into_iter();
        stats.pools = rows
            .map(|key| (key.key.fingerprint(), KeyStats::of(&key, now)))
            .collect();
        stats.hit_rate = rate(stats.hits, stats.misses);
        stats.circuit_breakers = circuits(pool, now);
        stats
    }

    fn add_key(&mut self, key: &TallyReading) {
        self.hits += key.hits;
        self.misses += key.misses;
        self.total_active_sessions += key.sessions.busy;
        self.pool_key_count += 1;
    }
}

/// The rows of a summary, which is read often.
const MAX_ROWS: usize = 100;

fn circuits(pool: &Acquirer, now: Instant) -> BTreeMap<String, BreakerStats> {
    let mut circuits = BTreeMap::new();
    for upstream in pool.upstreams.all() {
        let reading = upstream.circuit(now);
        if reading.state == BreakerState::Closed && reading.failures == 0 {
            continue;
        }
        let row = BreakerStats {
            failures: reading.failures,
            state: reading.state,
            open_for: reading.next_probe,
            open_until: reading.next_probe.map(|wait| SystemTime::now() + wait),
        };
        let of_url = circuits.entry(upstream.endpoint.to_string());
        of_url
            .and_modify(|known: &mut BreakerStats| known.worsen(&row))
            .or_insert(row);
    }
    circuits
}

impl BreakerStats {
    /// Becomes the other one, if that lets fewer through.
    fn worsen(&mut self, other: &Self) {
        if other.badness() > self.badness() {
            other.clone_into(self);
        }
    }

    /// The greater, the fewer are let through, and the longer.
    fn badness(&self) -> (u8, Option<Duration>, u32) {
        let state = match self.state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        };
        (state, self.open_for, self.failures)
    }
}

fn rate(hits: u64, misses: u64) -> f64 {
    match hits + misses {
        0 => 0.0,
        all => hits as f64 / all as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: BreakerState, failures: u32, open_secs: Option<u64>) -> BreakerStats {
        BreakerStats {
            failures,
            state,
            open_for: open_secs.map(Duration::from_secs),
            open_until: None,
        }
    }

    #[test]
    fn of_endpoints_that_look_alike_the_worst_is_shown() {
        let ascending = [
            row(BreakerState::Closed, 1, None),
            row(BreakerState::Closed, 2, None),
            row(BreakerState::HalfOpen, 0, None),
            row(BreakerState::Open, 9, Some(1)),
            row(BreakerState::Open, 5, Some(2)),
        ];
        for pair in ascending.windows(2) {
            for (mut known, other) in [(pair[0].clone(), &pair[1]), (pair[1].clone(), &pair[0])] {
                known.worsen(other);
                assert_eq!(known.badness(), pair[1].badness());
            }
        }
    }
}
