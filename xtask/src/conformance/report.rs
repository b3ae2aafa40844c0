//! The outcome of each scenario, compared with the expected one.

use std::fmt;

use serde_json::{Value, json};
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
    listed: usize,
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

impl Row {
    fn is_expected_failure(&self) -> bool {
        self.is_as_expected && !self.has_passed
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

    /// Notes that a suite lists this many scenarios.
    pub(super) fn note_listed(&mut self, scenarios: usize) {
        self.listed += scenarios;
    }

    /// The outcome as JSON.
    pub(super) fn json(&self) -> Value {
        let name = |row: &Row| format!("{}: {}", row.suite, row.scenario);
        let failed = self.rows.iter().filter(|row| !row.is_as_expected);
        let expected = self.rows.iter().filter(|row| row.is_expected_failure());
        let expected = expected.map(|row| json!({ "scenario": name(row), "reason": row.result }));
        json!({
            "listed": self.listed,
            "played": self.rows.len(),
            "failed": failed.clone().count(),
            "failures": failed.map(name).collect::<Vec<_>>(),
            "expected_failures": expected.collect::<Vec<_>>(),
        })
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
            "{passed} passed, {} failed, {all} of {} listed were played",
            all - passed,
            self.listed
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
    fn the_outcome_as_json_counts_and_names_what_failed() {
        let mut report = Report::default();
        report.note_listed(4);
        for row in [row(GOOD, None), row("", None), row("", Some("a reason"))] {
            report.add(row, String::new());
        }
        let expected = json!({
            "listed": 4,
            "played": 3,
            "failed": 1,
            "failures": ["a suite: a scenario"],
            "expected_failures": [{ "scenario": "a suite: a scenario", "reason": "a reason" }],
        });
        assert_eq!(report.json(), expected);
    }

    #[test]
    fn the_run_fails_when_a_scenario_does_not_end_as_listed() {
        assert!(is_ok(&[row(GOOD, None), row("", Some("a reason"))]));
        assert!(!is_ok(&[row(GOOD, None), row("", None)]));
        assert!(!is_ok(&[row(GOOD, None), row(GOOD, Some("a reason"))]));
        assert!(!is_ok(&[]), "nothing was played");
    }
}
