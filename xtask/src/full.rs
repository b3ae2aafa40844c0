//! `cargo xtask full`: every check of `cargo xtask ci`, and those that take longer.

use xshell::{Shell, cmd};

use crate::{Result, checks::book, ci, steps::Steps};

/// Runs the steps up to the first failure, and prints the time of each.
pub(crate) fn run(sh: &Shell) -> Result {
    let mut steps = Steps::default();
    let result = all(sh, &mut steps);
    println!("\n{steps}");
    result
}

fn all(sh: &Shell, steps: &mut Steps) -> Result {
    steps.take("ci", || ci::run(sh))?;
    steps.take("field at full size", || {
        let tests = "test --workspace --all-features --test field full_size".split(' ');
        Ok(cmd!(sh, "cargo {tests...}").env(FULL_SIZE, "1").run()?)
    })?;
    steps.take("book", || book::build(sh))?;
    for arguments in LONGER {
        let words = arguments.split(' ');
        steps.take(arguments, || Ok(cmd!(sh, "cargo xtask {words...}").run()?))?;
    }
    Ok(())
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
    "soak --minutes 2",
    "outage",
    "overload",
    "fuzz --seconds 900",
    "simulate --fresh --seconds 1200",
    "interop --all --skip-missing",
    "bench",
];
