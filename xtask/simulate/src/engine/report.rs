//! What a run prints.

use std::time::Duration;

use serde::Serialize;

use super::super::options::Options;
use super::{
    campaign::{ALL_STATES, Difference, Failure, Shrunk, Tally},
    fleet::FleetCounts,
};

/// The results of a run.
#[derive(Serialize)]
pub(super) struct Report {
    seeds: u64,
    steps: u64,
    steps_per_second: u64,
    /// One hash of all histories, to compare runs of the same seeds.
    histories: String,
    accepted: u64,
    failures: Vec<FailureRow>,
    /// Seeds whose two runs differ.
    differences: Vec<String>,
    unreached: Vec<&'static str>,
    reached: Vec<StateRow>,
    /// The worlds of replicas.
    fleet: FleetCounts,
}

#[derive(Serialize)]
struct FailureRow {
    name: &'static str,
    detail: String,
    seed: u64,
    seeds: u64,
    command: String,
    history: Vec<String>,
}

#[derive(Serialize)]
struct StateRow {
    name: &'static str,
    count: u64,
}

impl Report {
    pub(super) fn of(tally: &Tally, took: Duration) -> Self {
        let states = tally.coverage.counts();
        let unreached = match tally.seeds < ALL_STATES {
            true => Vec::new(),
            false => tally.coverage.unreached(),
        };
        Self {
            seeds: tally.seeds,
            steps: tally.steps,
            steps_per_second: (tally.steps as f64 / took.as_secs_f64()) as u64,
            histories: format!("{:016x}", tally.hash()),
            accepted: tally.accepted,
            failures: Vec::new(),
            differences: Vec::new(),
            unreached,
            reached: states
                .map(|(name, count)| StateRow { name, count })
                .collect(),
            fleet: tally.fleet,
        }
    }

    /// Adds what was broken in a world of replicas.
    pub(super) fn add_fleet_failure(&mut self, failure: &Failure) {
        let Failure {
            seed, violation, ..
        } = failure;
        self.failures.push(FailureRow {
            name: violation.name,
            detail: violation.detail.clone(),
            seed: *seed,
            seeds: failure.seeds,
            command: format!("cargo xtask simulate --seeds 1 --seed {seed}"),
            history: Vec::new(),
        });
    }

    pub(super) fn add_failure(&mut self, options: &Options, failure: &Failure, shrunk: Shrunk) {
        let only: Vec<String> = shrunk.steps.iter().map(u32::to_string).collect();
        let mut command = format!(
            "cargo xtask simulate --history --seeds 1 --seed {} --steps {} --only {}",
            failure.seed,
            options.steps,
            only.join(",")
        );
        for name in &options.allow {
            command += &format!(" --allow {name}");
        }
        let found = shrunk.findings.violation;
        self.failures.push(FailureRow {
            name: failure.violation.name,
            detail: found.map_or_else(String::new, |found| found.detail),
            seed: failure.seed,
            seeds: failure.seeds,
            command,
            history: shrunk.findings.lines,
        });
    }

    pub(super) fn add_difference(&mut self, difference: &Difference) {
        let Difference {
            seed,
            line,
            first,
            second,
        } = difference;
        let text = format!("seed {seed}, line {line}: `{first}` and `{second}`");
        self.differences.push(text);
    }

    /// # Errors
    /// When a promise was broken, a run differs from its repetition, or a state was not reached.
    pub(super) fn check(&self) -> crate::Result {
        let failed: Vec<_> = self.failures.iter().map(|row| row.name).collect();
        if !failed.is_empty() {
            return Err(format!("broken: {}", failed.join(", ")).into());
        }
        if !self.differences.is_empty() {
            return Err(format!("{} seeds do not repeat", self.differences.len()).into());
        }
        if !self.unreached.is_empty() {
            return Err(format!("not reached: {}", self.unreached.join(", ")).into());
        }
        Ok(())
    }

    pub(super) fn print(&self) {
        for failure in &self.failures {
            println!(
                "{}: {} ({} seeds)",
                failure.name, failure.detail, failure.seeds
            );
            println!("  seed {}; again by: {}", failure.seed, failure.command);
            for line in &failure.history {
                println!("  {line}");
            }
            println!();
        }
        for difference in &self.differences {
            println!("does not repeat: {difference}");
        }
        for StateRow { name, count } in &self.reached {
            println!("{count:>10}  {name}");
        }
        println!("replicas: {:?}", self.fleet);
        println!(
            "{} seeds, {} steps, {} steps a second, {} accepted violations, histories {}",
            self.seeds, self.steps, self.steps_per_second, self.accepted, self.histories
        );
    }
}
