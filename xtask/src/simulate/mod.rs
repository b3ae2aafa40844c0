//! `cargo xtask simulate`: the whole pool on simulated time, one world for each seed.
//!
//! A seed decides the configuration, the callers, every step and every delay, so that a world that
//! fails can be run again. After each step an oracle compares the pool with the server. The
//! simulation runs in a build of its own, in which tokio draws its random numbers from the seed.

#[cfg(any(test, feature = "simulate"))]
mod engine;
mod options;

use xshell::{Shell, cmd};

pub(crate) use self::options::Options;
use crate::Result;

/// Simulates in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let build = ["--release", "--package", "xtask", "--features", "simulate"];
    let target = ["--target-dir", "target/simulate"];
    let arguments = options.begun().arguments();
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
