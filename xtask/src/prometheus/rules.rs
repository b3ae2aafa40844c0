//! The rules of the alerts, as promtool sees them.

use xshell::{Shell, cmd};

use crate::Result;

/// Checks the rules, and runs their tests.
pub(super) fn check(sh: &Shell) -> Result {
    cmd!(sh, "promtool check rules {RULES}").run()?;
    Ok(cmd!(sh, "promtool test rules {TESTS}").run()?)
}

/// The rules of the alerts.
pub(super) const RULES: &str = "docs/dashboards/alerts.yaml";
const TESTS: &str = "docs/dashboards/alerts.test.yaml";
