//! The outcome of each scenario, compared with the expected one.

use std::fmt;

use tabled::{Table, Tabled, settings::Style};

use super::scenarios::{EXPECTED, Expected, Suite};
use crate::Result;

/// The outcome of one scenario.
#[derive(Clone, Debug, Tabled)]
pub(super) struct Row {
    suite: &'static str,
    scenario: String,
    #[tabled(rename = "passed")]
    checks: String,
    result: &'static str,
    #[tabled(skip)]
    is_as_expected: bool,
    #[tabled(skip)]
    has_passed: bool,
}

/// The outcomes of all scenarios. Prints as a table.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    /// The output of the tool for each scenario that did not end as expected.
    surprises: Vec<String>,
    left_out: usize,
}

/// The counts of a scenario's checks, as the tool prints them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Checks {
    passed: usize,
    all: usize,
    failed: usize,
    warnings: usize,
}

impl Row {
    pub(super) fn of(suite: &Suite, scenario: &str, printed: &str) -> Self {
        let is_of =
            |expected: &&Expected| expected.suite == suite.name && expected.scenario == scenario;
        let expected = EXPECTED.iter().find(is_of).map(|expected| expected.reason);
        Self::new(suite.name, scenario, printed, expected)
    }

    /// Reads the output of the tool.
    ///
    /// A scenario without checks has not passed. `expected` is the reason why it is expected to
    /// fail, or `None`.
    fn new(
        suite: &'static str,
        scenario: &str,
        printed: &str,
        expected: Option<&'static str>,
    ) -> Self {
        let checks = Checks::read(printed).unwrap_or_default();
        let is_done = printed.contains("OVERALL: PASSED");
        let has_passed = is_done && checks.all > 0 && checks.failed == 0 && checks.warnings == 0;
        Self {
            suite,
            scenario: scenario.to_owned(),
            checks: format!("{}/{}", checks.passed, checks.all),
            result: word(has_passed, expected),
            is_as_expected: has_passed == expected.is_none(),
            has_passed,
        }
    }
}

fn word(has_passed: bool, expected: Option<&'static str>) -> &'static str {
    match (has_passed, expected) {
        (true, None) => "passed",
        (true, Some(_)) => "passed, though listed as a failure",
        (false, None) => "FAILED",
        (false, Some(reason)) => reason,
    }
}

impl Checks {
    /// Reads a line such as `Passed: 3/4, 1 failed, 0 warnings`.
    fn read(printed: &str) -> Option<Self> {
        let line = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix("Passed: "))?;
        let mut numbers = line
            .split(|other: char| !other.is_ascii_digit())
            .filter_map(|number| number.parse().ok());
        Some(Self {
            passed: numbers.next()?,
            all: numbers.next()?,
            failed: numbers.next()?,
            warnings: numbers.next()?,
        })
    }
}

impl Report {
    pub(super) fn add(&mut self, row: Row, printed: String) {
        if !row.is_as_expected {
            self.surprises.push(printed);
        }
        self.rows.push(row);
    }

    pub(super) fn leave_out<T>(&mut self, scenarios: impl Iterator<Item = T>) {
        self.left_out += scenarios.count();
    }

    /// # Errors
    /// When a scenario did not end as expected, or none was played.
    pub(super) fn result(&self) -> Result {
        match self.surprises.len() {
            _ if self.rows.is_empty() => Err("no scenario was played".into()),
            0 => Ok(()),
            surprises => Err(format!("{surprises} did not end as expected").into()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for surprise in &self.surprises {
            writeln!(f, "{surprise}")?;
        }
        writeln!(f, "{}", Table::new(&self.rows).with(Style::sharp()))?;
        let passed = self.rows.iter().filter(|row| row.has_passed).count();
        let all = self.rows.len();
        write!(
            f,
            "{passed} passed, {} failed, {all} in all; {} left out, which need an OAuth client",
            all - passed,
            self.left_out
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Passed: 3/3, 0 failed, 0 warnings\n\u{2705} OVERALL: PASSED";

    fn row(printed: &str, expected: Option<&'static str>) -> Row {
        Row::new("a suite", "a scenario", printed, expected)
    }

    fn is_ok(rows: &[Row]) -> bool {
        let mut report = Report::default();
        for row in rows {
            report.add(row.clone(), String::new());
        }
        report.result().is_ok()
    }

    #[test]
    fn a_scenario_passes_when_it_has_checks_and_all_of_them_pass() {
        assert!(row(GOOD, None).has_passed);
        for bad in [
            "Passed: 0/0, 0 failed, 0 warnings\nOVERALL: PASSED",
            "Passed: 2/3, 1 failed, 0 warnings\nOVERALL: FAILED",
            "Passed: 2/3, 0 failed, 1 warnings\nOVERALL: PASSED",
            "Passed: 3/3, 0 failed, 0 warnings",
            "",
        ] {
            assert!(!row(bad, None).has_passed, "{bad}");
        }
    }

    #[test]
    fn the_run_fails_when_a_scenario_does_not_end_as_listed() {
        assert!(is_ok(&[row(GOOD, None), row("", Some("a reason"))]));
        assert!(!is_ok(&[row(GOOD, None), row("", None)]));
        assert!(!is_ok(&[row(GOOD, None), row(GOOD, Some("a reason"))]));
        assert!(!is_ok(&[]), "nothing was played");
    }
}
