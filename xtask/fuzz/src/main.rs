//! The program behind `cargo xtask fuzz`: what comes from servers and callers, mutated, on any compiler.
//!
//! Each target has a property that holds for any input. An input that leads to an outcome which no input
//! before had is kept and mutated further. One that breaks the property is written to `target/fuzz`.

mod campaign;
mod from_callers;
mod from_servers;
mod mutation;
mod numbers;
mod outcome;
mod targets;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

/// The result of a step of the program. Its errors are only printed.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Mutates what comes from servers and callers, and checks a property of each reader.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask fuzz")]
struct Options {
    /// The time of all targets together, in seconds. Each has the same part of it, and as many run at once
    /// as there are cores.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The seed of the mutations. Default: from the clock; it is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only the target of this name.
    #[arg(long)]
    only: Option<String>,
    /// Runs this input once instead, on the target of `--only`.
    #[arg(long, requires = "only")]
    input: Option<PathBuf>,
}

fn main() -> ExitCode {
    match campaign::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}
