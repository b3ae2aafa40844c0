//! The scenarios for servers, played by a gateway.

use std::path::Path;

use tabled::{Table, Tabled, settings::Style};
use xshell::Shell;

use super::install::Installed;
use crate::{Result, examples::Gateway};

/// The outcome of one scenario.
#[derive(Debug, PartialEq, Eq, Tabled)]
struct Row {
    scenario: String,
    passed: usize,
    failed: usize,
}

/// Plays every scenario for servers. Fails when a check does.
pub(super) fn run(sh: &Shell, installed: &Installed, only: &str) -> Result {
    let gateway = Gateway::start(sh)?;
    let results = Path::new(crate::root()).join("target/conformance/results");
    let printed = installed.play_server(sh, gateway.url(), REQUIREMENTS, &results)?;
    let rows: Vec<_> = rows(&printed)
        .into_iter()
        .filter(|row| row.scenario.contains(only))
        .collect();
    println!("{}", Table::new(&rows).with(Style::markdown()));
    let failed = rows
        .iter()
        .filter(|row| row.failed > 0 || row.passed == 0)
        .count();
    match (rows.is_empty(), failed) {
        (true, _) => Err(format!("the tool printed no scenario:\n{printed}").into()),
        (false, 0) => Ok(()),
        (false, _) => {
            Err(format!("{failed} scenarios failed; results: {}", results.display()).into())
        }
    }
}

/// The rows of the tool's summary.
fn rows(printed: &str) -> Vec<Row> {
    printed.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let line = line
        .strip_prefix('\u{2713}')
        .or_else(|| line.strip_prefix('\u{2717}'))?;
    let (scenario, counts) = line.trim().split_once(": ")?;
    let (passed, failed) = counts.split_once(" passed, ")?;
    Some(Row {
        scenario: scenario.to_owned(),
        passed: passed.parse().ok()?,
        failed: failed.split(' ').next()?.parse().ok()?,
    })
}

/// The revision whose scenarios are played: those with sessions, whose servers ask between a call and
/// its answer.
const REQUIREMENTS: &str = "2025-11-25";

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
            scenario: scenario.to_owned(),
            passed,
            failed,
        });
        assert_eq!(rows(printed), expected);
    }
}
