//! `cargo xtask full`: every check of `cargo xtask ci`, and those that take longer.

use xshell::{Shell, cmd};

use crate::{Result, checks::book, ci, steps::Steps};

/// Runs the checks of `ci`, and after them every other one, whether one of them fails or not: a run takes
/// hours. Prints the time of each.
///
/// # Errors
/// The checks that failed.
pub(crate) fn run(sh: &Shell) -> Result {
    let mut steps = Steps::default();
    let failed = steps
        .take("ci", || ci::run(sh))
        .map(|()| all(sh, &mut steps));
    println!("\n{steps}");
    let failed = failed?;
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join("\n").into()),
    }
}

/// The failures of what takes longer.
fn all(sh: &Shell, steps: &mut Steps) -> Vec<String> {
    let mut failed = Vec::new();
    let mut note = |result: Result| failed.extend(result.err().map(|error| error.to_string()));
    note(steps.take("field at full size", || {
        let tests = "test --workspace --all-features --test field full_size".split(' ');
        Ok(cmd!(sh, "cargo {tests...}").env(FULL_SIZE, "1").run()?)
    }));
    note(steps.take("book", || book::build(sh)));
    for arguments in LONGER {
        let words = arguments.split(' ');
        note(steps.take(arguments, || Ok(cmd!(sh, "cargo xtask {words...}").run()?)));
    }
    failed
}

/// The variable that has the tests named `full_size` run with as many sessions, and for as long, as they
/// promise.
const FULL_SIZE: &str = "MCP_FULL_SIZE";
/// The commands that take minutes each.
const LONGER: [&str; 11] = [
    // No version is released yet, and not every machine can install an older compiler.
    "dependencies --skip-missing",
    "page",
    "fleet",
    "faults",
    // In a short run what is kept for later use is a larger part of the memory that has grown.
    "soak --minutes 2 --warm-seconds 60",
    "outage",
    "overload",
    "fuzz --seconds 900",
    "simulate --fresh --seconds 1200",
    "interop --all --skip-missing",
    "bench",
];
