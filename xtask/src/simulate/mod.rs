//! `cargo xtask simulate`: the whole pool on simulated time, one world for each seed.
//!
//! A seed decides the configuration, the callers, every step and every delay, so that a world that
//! fails can be run again. After each step an oracle compares the pool with the server. The
//! simulation runs in a build of its own, in which tokio draws its random numbers from the seed.

#[cfg(any(test, feature = "simulate"))]
mod engine;

use xshell::{Shell, cmd};

use crate::Result;

/// Which worlds to simulate, and how to report them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The number of seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed. Default: 0.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The steps of each world.
    #[arg(long, default_value_t = 200)]
    steps: u32,
    /// Runs only the steps of these numbers.
    #[arg(long, value_delimiter = ',')]
    only: Vec<u32>,
    /// Accepts violations of these names, each of which is known and described.
    #[arg(long)]
    allow: Vec<String>,
    /// The threads, each with a world of its own. Default: one for each core.
    #[arg(long)]
    threads: Option<usize>,
    /// Prints the history of the first seed.
    #[arg(long)]
    history: bool,
    /// Prints one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Simulates in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let build = ["--release", "--package", "xtask", "--features", "simulate"];
    let target = ["--target-dir", "target/simulate"];
    let arguments = options.arguments();
    let inner = cmd!(
        sh,
        "cargo run --quiet {build...} {target...} -- simulate-inner {arguments...}"
    );
    // Another target folder, since the flag rebuilds every dependency.
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let inner = inner.env("RUSTFLAGS", format!("{flags} --cfg tokio_unstable"));
    Ok(inner.quiet().run()?)
}

/// Simulates in this process.
#[cfg(feature = "simulate")]
pub(crate) fn inner(options: &Options) -> Result {
    engine::run(options)
}

impl Options {
    /// The arguments that give these options.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--seeds={}", self.seeds),
            format!("--seed={}", self.seed),
            format!("--steps={}", self.steps),
        ];
        let only = self.only.iter().map(|step| format!("--only={step}"));
        arguments.extend(only);
        arguments.extend(self.allow.iter().map(|name| format!("--allow={name}")));
        arguments.extend(self.threads.map(|threads| format!("--threads={threads}")));
        let flags = [("--history", self.history), ("--json", self.json)];
        let given = flags.iter().filter(|(_, given)| *given);
        arguments.extend(given.map(|(flag, _)| (*flag).to_owned()));
        arguments
    }
}
