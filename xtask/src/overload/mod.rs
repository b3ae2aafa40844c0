//! `cargo xtask overload`: crowds that want more sessions than there are, and servers that are stopped.
//!
//! The servers of the crowds are simulated, so that the figures are the pool's alone; the clock is real.
//! A server that is stopped is a process of its own.

mod flood;
mod report;
mod server_floods;
mod shares;
mod stopped;
mod ticker;
mod waiters;

use std::time::Duration;

use tokio::runtime::Runtime;
use xshell::{Shell, cmd};

use self::report::Figure;
use crate::Result;

/// Options of the run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// How long the callers of each setup call.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often each server is stopped.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Runs only this part.
    #[arg(long)]
    only: Option<Part>,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What a crowd of one user leaves to another.
    Shares,
    /// Callers of as many keys at once.
    Flood,
    /// What a caller that waits takes of memory.
    Waiters,
    /// What servers that flood leave behind.
    Messages,
    /// Deadlines under a server that is stopped.
    Stopped,
}

impl Part {
    /// The memory first of all, while this process has none that is free.
    const ALL: [Self; 5] = [
        Self::Waiters,
        Self::Messages,
        Self::Shares,
        Self::Flood,
        Self::Stopped,
    ];
}

impl Options {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--seconds={}", self.seconds),
            format!("--rounds={}", self.rounds),
        ];
        arguments.extend(self.json.then(|| "--json".to_owned()));
        let name = |part: Part| format!("--only={part:?}").to_lowercase();
        arguments.extend(self.only.map(name));
        arguments
    }
}

/// Runs the crowds in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let arguments = options.arguments();
    Ok(cmd!(
        sh,
        "cargo run --release --quiet --package xtask -- overload-inner {arguments...}"
    )
    .quiet()
    .run()?)
}

/// Runs the crowds in this process.
pub(crate) fn show(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut figures = Vec::new();
    for part in Part::ALL {
        if options.only.is_none_or(|only| only == part) {
            figures.extend(measure(part, &runtime, options)?);
        }
    }
    report::show(&figures, options.json)?;
    report::check(&figures)
}

fn measure(part: Part, runtime: &Runtime, options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    match part {
        Part::Waiters => figures = runtime.block_on(waiters::measure(100_000))?,
        Part::Messages => figures = runtime.block_on(server_floods::measure(100_000))?,
        Part::Stopped => figures = runtime.block_on(stopped::measure(options.rounds))?,
        Part::Shares => {
            let length = Duration::from_secs(options.seconds);
            for setup in shares::setups() {
                figures.extend(runtime.block_on(shares::measure(setup, length))?);
            }
        }
        Part::Flood => {
            for bounded in [false, true] {
                for callers in [2_000, 8_000, 32_000] {
                    figures.extend(runtime.block_on(flood::measure(callers, bounded))?);
                }
            }
        }
    }
    Ok(figures)
}
