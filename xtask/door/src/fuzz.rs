//! `cargo xtask fuzz`: builds the fuzzers, and runs them.

use crate::{Result, cargo};

/// Fuzzes in a debug build, which checks arithmetic and has most of its dependencies from the tests.
pub(crate) fn run(arguments: &[String]) -> Result {
    cargo::run("xtask-fuzz", &["--quiet"], arguments)
}
