//! What the soak came to.

use std::fmt;

use serde::Serialize;

use super::{journal::Balance, phase::Phase, resources::Resources};
use crate::{Result, faults::OVERSHOOT};

/// What the soak came to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    calls: u64,
    executed: u64,
    doubled: u64,
    wrong_outcomes: u64,
    leaks: usize,
    open_sessions: usize,
    tasks_delta: i64,
    fds_delta: i64,
    rss_ratio: f64,
    overshoot_max_ms: u64,
    #[serde(skip)]
    examples: Vec<String>,
    #[serde(skip)]
    late: Vec<String>,
}

impl Report {
    pub(super) fn of(phase: &Phase, before: &Resources, after: &Resources) -> Result<Self> {
        let balance = Balance::read(&phase.outcomes, &phase.journals)?;
        let delta = |before: usize, after: usize| after as i64 - before as i64;
        Ok(Self {
            calls: balance.calls,
            executed: balance.executed,
            doubled: balance.doubled,
            wrong_outcomes: balance.wrong,
            leaks: phase.leaks,
            open_sessions: phase.open_sessions,
            tasks_delta: delta(before.tasks, after.tasks),
            fds_delta: delta(before.fds, after.fds),
            rss_ratio: after.rss_kb as f64 / before.rss_kb as f64,
            overshoot_max_ms: u64::try_from(phase.overshoot.as_millis())?,
            examples: balance.examples.into_iter().take(EXAMPLES).collect(),
            late: phase.late.clone(),
        })
    }

    /// # Errors
    /// What is broken of what is promised.
    pub(super) fn check(&self) -> Result {
        let checks = [
            ("no call was made", self.calls == 0),
            ("calls were doubled", self.doubled > 0),
            ("outcomes were wrong", self.wrong_outcomes > 0),
            ("the pool was not empty", self.leaks > 0),
            ("sessions were left open", self.open_sessions > 0),
            ("tasks were left", self.tasks_delta > 0),
            ("descriptors were left", self.fds_delta > 0),
            ("memory grew", self.rss_ratio > RSS_RATIO),
            (
                "deadlines were exceeded",
                u128::from(self.overshoot_max_ms) > OVERSHOOT.as_millis(),
            ),
        ];
        let broken = checks.iter().filter(|(_, is_broken)| *is_broken);
        let broken: Vec<&str> = broken.map(|(what, _)| *what).collect();
        match broken.is_empty() {
            true => Ok(()),
            false => Err(broken.join("; ").into()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for example in self.examples.iter().chain(&self.late) {
            writeln!(f, "{example}")?;
        }
        writeln!(f, "{} calls, {} executions", self.calls, self.executed)?;
        writeln!(
            f,
            "{} doubled, {} wrong outcomes, {} leaks, {} sessions left open",
            self.doubled, self.wrong_outcomes, self.leaks, self.open_sessions
        )?;
        write!(
            f,
            "tasks {:+}, descriptors {:+}, memory x{:.3}, deadlines exceeded by {} ms at most",
            self.tasks_delta, self.fds_delta, self.rss_ratio, self.overshoot_max_ms
        )
    }
}

const EXAMPLES: usize = 10;
const RSS_RATIO: f64 = 1.05;
