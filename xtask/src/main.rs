//! The commands of this repository: `cargo xtask <command>`.
//!
//! One module for each command.

mod bench;
mod checks;
mod ci;
mod conformance;
mod dependencies;
mod faults;
mod fleet;
mod full;
mod gates;
mod interop;
mod lateness;
mod outage;
mod overload;
mod plain;
mod programs;
mod prometheus;
mod repository;
mod result;
mod soak;
mod statistics;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;
use xshell::Shell;

use self::{repository::root, result::Result};

/// The commands of this repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Runs every check that a change must pass, up to the first failure.
    Ci,
    /// Plays the protocol's own scenarios for clients with a pooled client.
    Conformance(conformance::Options),
    /// Checks licences, features, least versions, the compiler's version and the API.
    Dependencies(dependencies::Options),
    /// Has three processes share their sessions through Redis, and kills and stops each part of it.
    Fleet(fleet::Options),
    /// Runs the fleet from this process, which is a release build.
    #[command(hide = true)]
    FleetInner(fleet::Options),
    /// Is one replica of the fleet.
    #[command(hide = true)]
    FleetGateway(fleet::GatewayOptions),
    /// Has servers fail in every way: outcomes against what was executed, recovery, closing.
    Faults(faults::Options),
    /// Has servers fail in this process, which is a release build.
    FaultsInner(faults::Options),
    /// Runs every check, those included that take an hour.
    Full,
    /// Calls servers of other projects: reuse, a crash in the middle, closing.
    Interop(interop::Options),
    /// Counts the instructions of acquires, and compares them with those before the change.
    Gates(gates::Options),
    /// Kills a server again and again under fifty callers: who fails, and for how long.
    Outage(outage::Options),
    /// Kills the servers in this process, which is a release build.
    #[command(hide = true)]
    OutageInner(outage::Options),
    /// Has crowds wait for sessions, and servers stop and flood: who is served, and how late callers end.
    Overload(overload::Options),
    /// Has crowds wait in this process, which is a release build.
    #[command(hide = true)]
    OverloadInner(overload::Options),
    /// Tests the alerts, and has a real Prometheus scrape the metrics.
    Prometheus,
    /// Has users call servers that fail and are killed at random, by a seed: the ledger, leaks.
    Soak(soak::Options),
    /// Soaks in this process, which is a release build.
    #[command(hide = true)]
    SoakInner(soak::Options),
    /// Runs a server of the soak in this process, which is killed.
    #[command(hide = true)]
    SoakServer(soak::ServerOptions),
    /// Runs the tests of the workspace and the examples of the docs.
    Test(test::Options),
    /// Checks the rules of this repository that no other tool knows.
    Tidy,
    /// Measures the pool and other pools, in one process and one run.
    Bench(bench::Options),
    /// Runs the bench in this process, which is a release build.
    #[command(hide = true)]
    BenchInner(bench::Inner),
    /// Draws what the bench measures, in this process.
    #[command(hide = true)]
    BenchPlots,
    /// Counts allocations in this process, whose allocator counts.
    #[cfg(feature = "count-allocations")]
    #[command(hide = true)]
    BenchCount(bench::CountOptions),
    /// Makes calls of one side in this process, which a tool observes.
    #[command(hide = true)]
    BenchCall(bench::CallOptions),
    /// Keeps idle sessions in this process and measures it.
    #[command(hide = true)]
    BenchIdle(bench::IdleOptions),
    /// Revives a session of another process in this one.
    #[command(hide = true)]
    BenchRevive(bench::ReviveOptions),
    /// Keeps many keys in this process and measures the pool.
    #[command(hide = true)]
    BenchScale(bench::ScaleOptions),
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
        Command::Dependencies(options) => dependencies::run(&sh, options),
        Command::Fleet(options) => fleet::run(&sh, options),
        Command::FleetInner(options) => fleet::show(options),
        Command::FleetGateway(options) => fleet::serve(options),
        Command::Faults(options) => faults::run(&sh, options),
        Command::FaultsInner(options) => faults::show(options),
        Command::Full => full::run(&sh),
        Command::Gates(options) => gates::run(&sh, options),
        Command::Interop(options) => interop::run(&sh, options),
        Command::Outage(options) => outage::run(&sh, options),
        Command::OutageInner(options) => outage::show(options),
        Command::Overload(options) => overload::run(&sh, options),
        Command::OverloadInner(options) => overload::show(options),
        Command::Prometheus => prometheus::run(&sh),
        Command::Soak(options) => soak::run(&sh, options),
        Command::SoakInner(options) => soak::show(options),
        Command::SoakServer(options) => soak::serve(options),
        Command::Test(options) => test::run(&sh, options).map(drop),
        Command::Tidy => tidy::run(&sh),
        Command::Bench(options) => bench::run(&sh, options),
        Command::BenchInner(inner) => bench::measure(inner),
        Command::BenchPlots => bench::plot(),
        #[cfg(feature = "count-allocations")]
        Command::BenchCount(options) => bench::count(options),
        Command::BenchCall(options) => bench::call(options),
        Command::BenchIdle(options) => bench::idle(options),
        Command::BenchRevive(options) => bench::revive(options),
        Command::BenchScale(options) => bench::scale(options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Command;

    #[test]
    fn cargo_xtask_lists_every_command() {
        let listed = include_str!("../door/src/commands.rs");
        let command = Command::command();
        for known in command
            .get_subcommands()
            .filter(|known| !known.is_hide_set())
        {
            let name = known.get_name();
            if !name.ends_with("-inner") {
                assert!(listed.contains(&format!("\"{name}\"")), "{name}");
            }
        }
    }
}
