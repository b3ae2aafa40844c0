//! The chores of this repository, as `cargo xtask <command>`. One module a command.

mod bench;
mod ci;
mod conformance;
mod demo;
mod interop;
mod plain;
mod statistics;
mod steps;
mod test;
mod tidy;

use std::{error::Error, process::ExitCode};

use clap::Parser;
use xshell::Shell;

/// What a chore ends with. Nobody handles these errors, they are only printed.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The chores of this repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Runs everything that a change must pass, up to the first failure.
    Ci,
    /// Plays the protocol's own scenarios for clients with a pooled client.
    Conformance(conformance::Options),
    /// Shows the pool at work: real sessions of embedded servers, many users, rotating tokens.
    Demo(demo::Options),
    /// The showing itself, in a release build.
    #[command(hide = true)]
    DemoInner(demo::Options),
    /// Drives servers that others wrote through the pool: reuse, a crash in the middle, farewells.
    Interop(interop::Options),
    /// Runs the tests of the workspace, the model of the pool's core and the examples of the docs.
    Test(test::Options),
    /// Checks the rules of this repository that no other tool knows.
    Tidy,
    /// Measures the pool beside its peers, in one process and one run.
    Bench(bench::Options),
    /// The measuring itself, in a release build.
    #[command(hide = true)]
    BenchInner(bench::Inner),
    /// The counting of allocations, in another release build.
    #[cfg(feature = "count-allocations")]
    #[command(hide = true)]
    BenchCount,
}

fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result {
    let sh = Shell::new()?;
    sh.change_dir(root());
    match command {
        Command::Ci => ci::run(&sh),
        Command::Conformance(options) => conformance::run(&sh, options),
        Command::Demo(options) => demo::run(&sh, options),
        Command::DemoInner(options) => demo::show(options),
        Command::Interop(options) => interop::run(&sh, options),
        Command::Test(options) => test::run(&sh, options).map(drop),
        Command::Tidy => tidy::run(&sh),
        Command::Bench(options) => bench::run(&sh, options),
        Command::BenchInner(inner) => bench::measure(inner),
        #[cfg(feature = "count-allocations")]
        Command::BenchCount => bench::count(),
    }
}

/// The root of the repository, wherever the command was called.
fn root() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/..")
}
