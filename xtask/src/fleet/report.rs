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
#[derive(Serialize, Tabled)]
pub(super) struct Row {
    #[serde(skip)]
    pub(super) upstream: &'static str,
    /// The count of a conversation after 1,000 calls round-robin over three replicas.
    pub(super) round_robin_count: u64,
    /// The sessions that these calls opened.
    pub(super) round_robin_sessions: u64,
    /// Calls that failed during ten rolling restarts, those of an ending replica apart.
    pub(super) rolling_failed_calls: u64,
    pub(super) rolling_initializes_after_first_round: u64,
    /// Calls that were executed more than once while replicas were killed.
    pub(super) killed_doubled: u64,
    /// The longest time from a kill to the next answer of its conversation elsewhere.
    pub(super) killed_recovery_ms: u64,
    /// Calls that a replica sent on a session that was claimed elsewhere while it was stopped.
    pub(super) stopped_sent_late: u64,
    /// Calls of a held conversation that failed while Redis was stopped, flushed or replaced by an empty
    /// one, besides one loss of its session.
    pub(super) store_failed_hits: u64,
    /// Answers that were those of another call.
    pub(super) crossed_answers: u64,
    /// Request ids that the upstream saw more than once.
    pub(super) ids_seen_twice: u64,
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
        let faults = [
            ("rolling_failed_calls", row.rolling_failed_calls),
            (
                "rolling_initializes_after_first_round",
                row.rolling_initializes_after_first_round,
            ),
            ("killed_doubled", row.killed_doubled),
            ("stopped_sent_late", row.stopped_sent_late),
            ("store_failed_hits", row.store_failed_hits),
            ("crossed_answers", row.crossed_answers),
            ("ids_seen_twice", row.ids_seen_twice),
        ];
        if let Some((fault, count)) = faults.into_iter().find(|(_, count)| *count > 0) {
            return Err(format!("{}: {fault} is {count}", row.upstream).into());
        }
        let round_robin = (row.round_robin_count, row.round_robin_sessions);
        if round_robin != (CALLS, 1) {
            return Err(format!("{}: round-robin: {round_robin:?}", row.upstream).into());
        }
        if row.killed_recovery_ms > LEASE_MS {
            return Err(format!("{}: recovery beyond the lease", row.upstream).into());
        }
    }
    Ok(())
}
