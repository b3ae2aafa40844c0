//! Commands that measure a release build.

use xshell::{Shell, cmd};

use crate::Result;

/// Runs a hidden command of this program, with the two options that every run has and `more`, in a
/// release build, which cargo makes first.
pub(crate) fn run_in_release(
    sh: &Shell,
    command: &str,
    json: bool,
    seconds: u64,
    more: &[String],
) -> Result {
    let json = json.then_some("--json");
    let seconds = seconds.to_string();
    let run = cmd!(
        sh,
        "cargo run --release --quiet --package xtask -- {command} {json...} --seconds {seconds} {more...}"
    );
    Ok(run.run()?)
}
