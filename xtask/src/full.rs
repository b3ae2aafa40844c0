//! `cargo xtask full`: every check of `cargo xtask ci`, and those that take longer.

use xshell::{Shell, cmd};

use crate::{Result, ci, steps::Steps};

/// Runs the steps up to the first failure, and prints the time of each.
pub(crate) fn run(sh: &Shell) -> Result {
    let mut steps = Steps::default();
    let result = all(sh, &mut steps);
    println!("\n{steps}");
    result
}

fn all(sh: &Shell, steps: &mut Steps) -> Result {
    steps.take("ci", || ci::run(sh))?;
    for arguments in LONGER {
        let words = arguments.split(' ');
        steps.take(arguments, || Ok(cmd!(sh, "cargo xtask {words...}").run()?))?;
    }
    Ok(())
}

/// The commands that take minutes each.
const LONGER: [&str; 4] = [
    "outage",
    // Some worlds draw from sources that no seed controls yet.
    "simulate --seeds 2000 --allow differences",
    "interop --all --skip-missing",
    "bench",
];
