//! `cargo xtask demo`: builds the demo in sight, and runs it.

use crate::{Result, cargo};

/// Runs the demo, which cargo builds first. Only `--serve` has the live page built.
pub(crate) fn run(arguments: &[String]) -> Result {
    eprintln!(
        "demo: cargo builds the demo; from an empty target folder that takes one to two minutes"
    );
    let mut options = vec!["--profile", "demo"];
    if arguments.iter().any(|argument| argument == "--serve") {
        options.extend(["--features", "page"]);
    }
    cargo::run("mcp-pool-demo", &options, arguments)
}
