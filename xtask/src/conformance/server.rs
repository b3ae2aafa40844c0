//! The scenarios for servers, played by a gateway.

use std::path::Path;

use tabled::{Table, Tabled, settings::Style};
use xshell::Shell;

use super::install::Installed;
use crate::{Result, programs::Gateway};

/// The scenarios of one revision, and the era of the server behind the gateway that plays them.
struct Revision {
    name: &'static str,
    era: &'static str,
}

/// Both: with sessions, whose servers ask between a call and its answer, and without.
const REVISIONS: [Revision; 2] = [
    Revision {
        name: "2025-11-25",
        era: "legacy",
    },
    Revision {
        name: "2026-07-28",
        era: "stateless",
    },
];

/// A scenario that is expected to fail, by the beginning of its name, and why. None of them is scored.
struct Expected {
    scenario: &'static str,
    reason: &'static str,
}

/// The scenarios that fail, each with its reason.
///
/// A listed scenario that passes fails the run, so the list cannot outlive its reasons.
const EXPECTED: &[Expected] = &[
    Expected {
        scenario: "http-custom-header-server-validation",
        reason: "rmcp checks these headers by `ServerHandler::get_tool`, which knows no caller, and a \
                 proxy has a list of tools for each caller",
    },
    Expected {
        scenario: "tasks-status-notifications",
        reason: "the tool skips its only check, which is not written yet",
    },
];

/// The outcome of one scenario.
#[derive(Debug, PartialEq, Eq, Tabled)]
struct Row {
    revision: &'static str,
    scenario: String,
    passed: usize,
    failed: usize,
    /// Why it is expected to fail; empty where it is not.
    expected: &'static str,
}

impl Row {
    /// A scenario without a check that passes has not passed.
    fn has_passed(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }

    fn is_as_expected(&self) -> bool {
        self.has_passed() == self.expected.is_empty()
    }
}

/// Plays every scenario for servers. Fails when a check does.
pub(super) fn run(sh: &Shell, installed: &Installed, only: &str) -> Result {
    let results = Path::new(crate::root()).join("target/conformance/results");
    let mut rows = Vec::new();
    for revision in &REVISIONS {
        let gateway = Gateway::start(sh, revision.era)?;
        let results = results.join(revision.name);
        let printed = installed.play_server(sh, gateway.url(), revision.name, &results)?;
        let played = rows_of(revision.name, &printed);
        if played.is_empty() {
            return Err(format!("the tool printed no scenario:\n{printed}").into());
        }
        rows.extend(played);
    }
    rows.retain(|row| row.scenario.contains(only));
    println!("{}", Table::new(&rows).with(Style::markdown()));
    println!("{}", summary(&rows));
    let surprises = rows.iter().filter(|row| !row.is_as_expected()).count();
    match (rows.is_empty(), surprises) {
        (true, _) => Err("no scenario was played".into()),
        (false, 0) => Ok(()),
        (false, _) => {
            let results = results.display();
            Err(format!("{surprises} did not end as expected; results: {results}").into())
        }
    }
}

/// How many scenarios and checks passed, of all that were played.
fn summary(rows: &[Row]) -> String {
    let passed = rows.iter().filter(|row| row.has_passed()).count();
    let checks: usize = rows.iter().map(|row| row.passed).sum();
    let failed: usize = rows.iter().map(|row| row.failed).sum();
    let (all, checked) = (rows.len(), checks + failed);
    format!("{passed} of {all} scenarios passed, with {checks} of {checked} checks")
}

/// The rows of the tool's summary.
fn rows_of(revision: &'static str, printed: &str) -> Vec<Row> {
    let rows = printed.lines().filter_map(|line| row(revision, line));
    rows.collect()
}

fn row(revision: &'static str, line: &str) -> Option<Row> {
    let line = line
        .strip_prefix('\u{2713}')
        .or_else(|| line.strip_prefix('\u{2717}'))?;
    let (scenario, counts) = line.trim().split_once(": ")?;
    let (passed, failed) = counts.split_once(" passed, ")?;
    let expected = EXPECTED.iter();
    let mut expected = expected
        .filter(|expected| scenario.starts_with(expected.scenario))
        .map(|expected| expected.reason);
    Some(Row {
        revision,
        expected: expected.next_back().unwrap_or_default(),
        scenario: scenario.to_owned(),
        passed: passed.parse().ok()?,
        failed: failed.split(' ').next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_the_tool_is_read() {
        let printed = "\
=== SUMMARY ===
\u{2713} ping: 2 passed, 0 failed
\u{2717} tools-list: 1 passed, 2 failed

Total: 3 passed, 2 failed
";
        let expected = [("ping", 2, 0), ("tools-list", 1, 2)];
        let expected = expected.map(|(scenario, passed, failed)| Row {
            revision: "any",
            scenario: scenario.to_owned(),
            passed,
            failed,
            expected: "",
        });
        let rows = rows_of("any", printed);
        assert_eq!(rows, expected);
        let summary = summary(&rows);
        assert_eq!(summary, "1 of 2 scenarios passed, with 3 of 5 checks");
    }

    #[test]
    fn a_scenario_that_does_not_end_as_listed_is_a_surprise() {
        for (line, expected) in [
            ("\u{2713} ping: 2 passed, 0 failed", true),
            ("\u{2713} ping: 0 passed, 0 failed", false),
            ("\u{2717} ping: 1 passed, 1 failed", false),
            (
                "\u{2713} tasks-status-notifications: 0 passed, 0 failed",
                true,
            ),
            (
                "\u{2713} tasks-status-notifications: 1 passed, 0 failed",
                false,
            ),
        ] {
            let row = row("any", line).expect("a row");
            assert_eq!(row.is_as_expected(), expected, "{line}");
        }
    }
}
