//! `cargo xtask fuzz`: builds the fuzzers, and runs them.

use crate::{Result, cargo};

/// Fuzzes in a debug build, which checks arithmetic and has its dependencies from the tests.
pub(crate) fn run(arguments: &[String]) -> Result {
    cargo::run_as_tested("xtask-fuzz", arguments)
}
