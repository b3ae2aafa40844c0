//! `cargo xtask demo`: builds the demo in sight, and runs it.

use crate::{Result, cargo};

/// Runs the demo, which cargo builds first.
pub(crate) fn run(arguments: &[String]) -> Result {
    eprintln!("demo: cargo builds the demo; from an empty target folder that takes about a minute");
    cargo::run("mcp-pool-demo", &["--profile", "demo"], arguments)
}
