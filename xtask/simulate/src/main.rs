//! The program behind `cargo xtask simulate`: the whole pool on simulated time, one world for each seed.
//!
//! A seed decides the configuration, the callers, every step and every delay, so that a world that
//! fails can be run again. After each step an oracle compares the pool with the server. The program
//! is built with `--cfg tokio_unstable`, by which tokio draws its random numbers from the seed.

mod engine;
mod options;

use std::process::ExitCode;

use clap::Parser;

/// The result of a step of the program. Its errors are only printed.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs the pool on simulated time, one world for each seed, against an oracle.
#[derive(Parser)]
#[command(name = "cargo xtask simulate")]
struct Command {
    #[command(flatten)]
    options: options::Options,
}

fn main() -> ExitCode {
    let options = Command::parse().options.begun();
    match engine::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}
