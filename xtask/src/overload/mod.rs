//! `cargo xtask overload`: crowds that want more sessions than there are.
//!
//! The servers are simulated, so that the figures are the pool's alone; the clock is real.

mod flood;
mod report;
mod shares;

use std::time::Duration;

use xshell::Shell;

use crate::{Result, release::run_in_release};

/// Options of the run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// How long the callers of each setup call.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// Runs the crowds in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    run_in_release(sh, "overload-inner", options.json, options.seconds, &[])
}

/// Runs the crowds in this process.
pub(crate) fn show(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let length = Duration::from_secs(options.seconds);
    let mut rows = Vec::new();
    for setup in shares::setups() {
        rows.extend(runtime.block_on(shares::measure(setup, length))?);
    }
    for bounded in [false, true] {
        for callers in [2_000, 8_000, 32_000] {
            rows.extend(runtime.block_on(flood::measure(callers, bounded))?);
        }
    }
    report::show(&rows, options.json)?;
    report::check(&rows)
}
