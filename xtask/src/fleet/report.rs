//! The figures of a run.

use serde::Serialize;
use serde_json::{Map, Value};
use tabled::{Table, Tabled, settings::Style};

use crate::Result;

/// The calls of the first scene.
pub(super) const CALLS: u64 = 1_000;
/// The lease of a replica.
pub(super) const LEASE_MS: u64 = 3_000;

/// The figures of one kind of upstream.
#[derive(Default, Serialize, Tabled)]
pub(super) struct Row {
    #[serde(skip)]
    pub(super) upstream: &'static str,
    /// What selected the replicas that were killed.
    pub(super) seed: u64,
    /// The count of a conversation after 1,000 calls round-robin over three replicas.
    pub(super) round_robin_count: u64,
    /// The sessions that these calls opened.
    pub(super) round_robin_sessions: u64,
    /// Calls during ten rolling restarts.
    pub(super) rolling_calls: u64,
    /// Those that failed.
    pub(super) rolling_failed_calls: u64,
    pub(super) rolling_initializes_after_first_round: u64,
    pub(super) kills: u64,
    /// Calls that were executed more than once while replicas were killed.
    pub(super) killed_doubled: u64,
    /// The longest time from a kill to the next answers of its conversation and user elsewhere.
    pub(super) killed_recovery_ms: u64,
    /// Sessions that were left open beyond those of keys and kills.
    pub(super) killed_sessions_beyond: u64,
    /// Calls that a replica sent on a session that was claimed elsewhere while it was stopped.
    pub(super) stopped_sent_late: u64,
    /// Differences that clocks made which are off by ten minutes.
    pub(super) clock_faults: u64,
    /// Records that were swapped, flipped, cut, or of another schema or key.
    pub(super) records_changed: u64,
    /// Those that opened.
    pub(super) records_opened: u64,
    pub(super) revocations: u64,
    /// Sessions from before a revocation that were used after it.
    pub(super) revoked_used: u64,
    /// The 99th percentile of a hit while Redis is stopped, by that while it answers.
    pub(super) hit_p99_ratio: f64,
    /// How much longer a miss takes while Redis is stopped than without a fleet.
    pub(super) miss_extra_ms: f64,
    /// Calls of a held conversation that failed while Redis was stopped, killed, flushed or replaced by
    /// an empty one, besides one loss of its session.
    pub(super) store_failed_hits: u64,
    /// Calls of a conversation held elsewhere that did not fail as they should.
    pub(super) store_untyped_errors: u64,
    /// The longest time from the end of an outage until such a conversation is served.
    pub(super) store_heal_ms: u64,
    /// Answers that were those of another call.
    pub(super) crossed_answers: u64,
    /// The requests that the upstream saw.
    pub(super) requests: u64,
    /// Request ids that it saw more than once.
    pub(super) ids_seen_twice: u64,
    /// Exclusive sessions that went from one replica to another.
    pub(super) claimed_sessions: u64,
    /// Requests of a replica on an exclusive session after those of another one.
    pub(super) holders_at_once: u64,
}

impl Row {
    /// What counts faults.
    fn faults(&self) -> [(&'static str, u64); 13] {
        [
            ("rolling_failed_calls", self.rolling_failed_calls),
            (
                "rolling_initializes_after_first_round",
                self.rolling_initializes_after_first_round,
            ),
            ("killed_doubled", self.killed_doubled),
            ("killed_sessions_beyond", self.killed_sessions_beyond),
            ("stopped_sent_late", self.stopped_sent_late),
            ("clock_faults", self.clock_faults),
            ("records_opened", self.records_opened),
            ("revoked_used", self.revoked_used),
            ("store_failed_hits", self.store_failed_hits),
            ("store_untyped_errors", self.store_untyped_errors),
            ("crossed_answers", self.crossed_answers),
            ("ids_seen_twice", self.ids_seen_twice),
            ("holders_at_once", self.holders_at_once),
        ]
    }

    /// What has a bound.
    fn bounds(&self) -> [(&'static str, f64, f64); 4] {
        let lease = LEASE_MS as f64;
        [
            ("killed_recovery_ms", self.killed_recovery_ms as f64, lease),
            ("store_heal_ms", self.store_heal_ms as f64, lease),
            ("hit_p99_ratio", self.hit_p99_ratio, MAX_HIT_RATIO),
            ("miss_extra_ms", self.miss_extra_ms, MAX_MISS_MS),
        ]
    }
}

pub(super) fn json(rows: &[Row]) -> Result<Value> {
    let mut all = Map::new();
    for row in rows {
        for (key, value) in serde_json::to_value(row)?.as_object().into_iter().flatten() {
            all.insert(format!("{}_{key}", row.upstream), value.clone());
        }
    }
    Ok(all.into())
}

pub(super) fn table(rows: &[Row]) -> Table {
    let mut table = Table::kv(rows);
    table.with(Style::sharp());
    table
}

/// Checks the promises.
///
/// # Errors
/// One of them does not hold.
pub(super) fn check(rows: &[Row]) -> Result {
    for row in rows {
        let faults = row.faults();
        if let Some((fault, count)) = faults.into_iter().find(|(_, count)| *count > 0) {
            return Err(format!("{}: {fault} is {count}", row.upstream).into());
        }
        let bounds = row.bounds();
        if let Some((what, value, bound)) = bounds.into_iter().find(|it| it.1 > it.2) {
            return Err(format!("{}: {what} is {value:.2}, above {bound}", row.upstream).into());
        }
        let round_robin = (row.round_robin_count, row.round_robin_sessions);
        if round_robin != (CALLS, 1) {
            return Err(format!("{}: round-robin: {round_robin:?}", row.upstream).into());
        }
        if row.claimed_sessions == 0 {
            return Err(format!("{}: no session went on elsewhere", row.upstream).into());
        }
    }
    Ok(())
}

/// A hit makes no step of the directory; the rest is what two runs of the same differ by.
const MAX_HIT_RATIO: f64 = 1.1;
/// The default budget.
const MAX_MISS_MS: f64 = 5.0;
