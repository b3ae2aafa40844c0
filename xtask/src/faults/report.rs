//! What the cells came to.

use std::{fmt, time::Duration};

use mcp_pool_testkit::{Ledger, Wrong};
use serde::Serialize;
use tabled::{builder::Builder, settings::Style};

use super::callers::Call;
use crate::Result;

/// What one cell came to.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) name: String,
    doubled: usize,
    wrong: usize,
    pub(super) stranded: usize,
    overshoot: Duration,
    /// The last errors of the clients that could not call again.
    pub(super) unusable_after: Vec<String>,
    /// True when the fault struck no request.
    pub(super) is_unstruck: bool,
    pub(super) examples: Vec<String>,
}

/// What all cells came to.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    cells: usize,
    doubled: usize,
    wrong_outcomes: usize,
    stranded: usize,
    overshoot_max_ms: u64,
    unusable_after: usize,
    unstruck: usize,
    #[serde(skip)]
    failed: Vec<Finding>,
}

impl Finding {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            doubled: 0,
            wrong: 0,
            stranded: 0,
            overshoot: Duration::ZERO,
            unusable_after: Vec::new(),
            is_unstruck: false,
            examples: Vec::new(),
        }
    }

    /// A cell that did not come to its end.
    pub(super) fn unusable(name: String, error: String) -> Self {
        Self {
            unusable_after: vec![error],
            ..Self::new(name)
        }
    }

    /// Compares a call with the ledger.
    pub(super) fn take(&mut self, call: &Call, ledger: &Ledger, only_reads: bool) {
        let checked = ledger.check(&call.id, call.provable(), only_reads);
        match checked {
            Err(Wrong::Doubled) => self.doubled += 1,
            Err(_) => self.wrong += 1,
            Ok(()) if call.is_crossed => self.wrong += 1,
            Ok(()) => return,
        }
        let executions = ledger.executions(&call.id);
        self.examples
            .push(format!("executed {executions} times: {call:?}"));
    }

    pub(super) fn take_overshoot(&mut self, beyond: Duration, call: &Call) {
        if beyond > OVERSHOOT {
            self.examples.push(format!("{beyond:?} too late: {call:?}"));
        }
        self.overshoot = self.overshoot.max(beyond);
    }

    fn is_failed(&self) -> bool {
        let counts = [
            self.doubled,
            self.wrong,
            self.stranded,
            self.unusable_after.len(),
            usize::from(self.is_unstruck),
        ];
        counts.iter().sum::<usize>() > 0 || self.overshoot > OVERSHOOT
    }
}

impl Report {
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        let sum = |count: fn(&Finding) -> usize| findings.iter().map(count).sum();
        let overshoot = findings.iter().map(|it| it.overshoot).max();
        let overshoot = overshoot.unwrap_or_default().as_millis();
        Self {
            cells: findings.len(),
            doubled: sum(|it| it.doubled),
            wrong_outcomes: sum(|it| it.wrong),
            stranded: sum(|it| it.stranded),
            overshoot_max_ms: u64::try_from(overshoot).unwrap_or(u64::MAX),
            unusable_after: sum(|it| it.unusable_after.len().min(1)),
            unstruck: sum(|it| usize::from(it.is_unstruck)),
            failed: findings.into_iter().filter(Finding::is_failed).collect(),
        }
    }

    /// # Errors
    /// When a cell failed.
    pub(super) fn check(&self) -> Result {
        match (self.failed.len(), self.cells) {
            (_, 0) => Err("no cell has this name".into()),
            (0, _) => Ok(()),
            (failed, cells) => Err(format!("{failed} of {cells} cells failed").into()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.failed.is_empty() {
            let mut table = Builder::default();
            table.push_record([
                "cell",
                "doubled",
                "wrong",
                "stranded",
                "overshoot",
                "unusable",
                "struck",
            ]);
            for it in &self.failed {
                table.push_record([
                    it.name.clone(),
                    it.doubled.to_string(),
                    it.wrong.to_string(),
                    it.stranded.to_string(),
                    format!("{} ms", it.overshoot.as_millis()),
                    it.unusable_after.len().to_string(),
                    (!it.is_unstruck).to_string(),
                ]);
            }
            writeln!(f, "{}", table.build().with(Style::sharp()))?;
        }
        for it in self.failed.iter().take(EXAMPLES) {
            let problems = it.examples.iter().chain(&it.unusable_after);
            for problem in problems.take(EXAMPLES) {
                writeln!(f, "{}: {problem}", it.name)?;
            }
        }
        write!(
            f,
            "{} cells: {} doubled, {} wrong outcomes, {} stranded sessions, {} unusable, {} not struck; \
             deadlines exceeded by {} ms at most",
            self.cells,
            self.doubled,
            self.wrong_outcomes,
            self.stranded,
            self.unusable_after,
            self.unstruck,
            self.overshoot_max_ms,
        )
    }
}

/// How late a call may end beyond a bare timer.
pub(crate) const OVERSHOOT: Duration = Duration::from_millis(50);
/// How many failures are shown.
const EXAMPLES: usize = 10;
