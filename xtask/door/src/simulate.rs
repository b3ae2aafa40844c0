//! `cargo xtask simulate`: builds the simulator with tokio's flag, and runs it.

use crate::{Result, cargo};

/// Simulates in a release build, which cargo makes first.
pub(crate) fn run(arguments: &[String]) -> Result {
    let mut cargo = cargo::command();
    cargo.args(["run", "--quiet", "--release", "--package", "xtask-simulate"]);
    // Another target folder, since the flag rebuilds every dependency.
    cargo.args(["--target-dir", "target/simulate", "--"]);
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    cargo.env("RUSTFLAGS", format!("{flags} --cfg tokio_unstable"));
    cargo::finish(cargo.args(arguments))
}
