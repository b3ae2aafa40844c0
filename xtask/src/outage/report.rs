//! The output of the outages.

use serde::Serialize;
use tabled::{builder::Builder, settings::Style};

use super::tally::Tally;
use crate::{Result, statistics::percentile};

/// The output for one transport and era.
#[derive(Serialize)]
pub(super) struct Row {
    #[serde(skip)]
    name: &'static str,
    outages: usize,
    calls: usize,
    up_window_failures: usize,
    first_success_p50_ms: u64,
    first_success_max_ms: u64,
    all_served_p50_ms: u64,
    unknown: usize,
    doubled: usize,
    wrong_outcomes: usize,
    sessions_left_open: usize,
    /// The first failures, to look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<String>,
}

impl Row {
    pub(super) fn of(name: &'static str, tally: &Tally, left_open: usize, closed: bool) -> Self {
        let first = tally.first_success_ms();
        let failures: Vec<_> = tally.up_window_failures().collect();
        let problems = failures.iter().filter_map(|call| call.problem.clone());
        let mut examples: Vec<String> = problems.take(EXAMPLES).collect();
        if !closed {
            examples.push("the pool was not closed in time".to_owned());
        }
        Self {
            name,
            outages: tally.outages.len(),
            calls: tally.calls.len(),
            up_window_failures: failures.len(),
            first_success_p50_ms: percentile(first.clone(), 50),
            first_success_max_ms: first.into_iter().max().unwrap_or_default(),
            all_served_p50_ms: percentile(tally.all_served_ms(), 50),
            unknown: tally.unknown(),
            doubled: tally.doubled(),
            wrong_outcomes: tally.wrong_outcomes(),
            sessions_left_open: left_open,
            examples,
        }
    }

    /// What the row breaks of what is promised.
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut check = |what: &str, value: u64, bound: u64| {
            if value > bound {
                broken.push(format!(
                    "{}: {what} is {value}, not {bound} at most",
                    self.name
                ));
            }
        };
        check("up_window_failures", self.up_window_failures as u64, 0);
        check("doubled", self.doubled as u64, 0);
        check("wrong_outcomes", self.wrong_outcomes as u64, 0);
        check("sessions_left_open", self.sessions_left_open as u64, 0);
        check("first_success_max_ms", self.first_success_max_ms, FIRST_MS);
        check("all_served_p50_ms", self.all_served_p50_ms, ALL_MS);
        broken
    }
}

/// One JSON object, with one object for each transport and era.
pub(super) fn json(rows: &[Row]) -> Result<String> {
    let rows: Result<serde_json::Map<_, _>> = rows
        .iter()
        .map(|row| Ok((row.name.to_owned(), serde_json::to_value(row)?)))
        .collect();
    Ok(serde_json::to_string_pretty(&rows?)?)
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut table = Builder::default();
    table.push_record([
        "",
        "outages",
        "calls",
        "failed while up",
        "first p50",
        "first max",
        "all p50",
        "unknown",
        "doubled",
        "wrong",
        "left open",
    ]);
    for row in rows {
        table.push_record([
            row.name.to_owned(),
            row.outages.to_string(),
            row.calls.to_string(),
            row.up_window_failures.to_string(),
            format!("{} ms", row.first_success_p50_ms),
            format!("{} ms", row.first_success_max_ms),
            format!("{} ms", row.all_served_p50_ms),
            row.unknown.to_string(),
            row.doubled.to_string(),
            row.wrong_outcomes.to_string(),
            row.sessions_left_open.to_string(),
        ]);
    }
    let mut shown = table.build().with(Style::sharp()).to_string();
    for example in rows.iter().flat_map(|row| &row.examples) {
        shown.push('\n');
        shown.push_str(example);
    }
    shown
}

/// # Errors
/// What the rows break of what is promised.
pub(super) fn check(rows: &[Row]) -> Result {
    let broken: Vec<String> = rows.iter().flat_map(Row::broken).collect();
    match broken.is_empty() {
        true => Ok(()),
        false => Err(broken.join("; ").into()),
    }
}

const EXAMPLES: usize = 5;
const FIRST_MS: u64 = 250;
const ALL_MS: u64 = 500;
