//! `cargo xtask demo`: the main job on real sessions of embedded servers.
//!
//! Fifty users, each with tokens that rotate, make 5,000 calls of a stateful tool through one pool.
//! Every answer is checked: a count that is not the user's own is a leak. Then the same call is
//! measured pooled, on a session held open, and on a new session, in turns.

mod job;
mod latency;
mod report;

use mcp_pool_testkit::server::CounterServer;
use xshell::{Shell, cmd};

use self::report::Report;
use crate::Result;

/// Options of the output.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the demo in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let json = options.json.then_some("--json");
    Ok(cmd!(
        sh,
        "cargo run --release --quiet --package xtask -- demo-inner {json...}"
    )
    .run()?)
}

/// Runs the demo in this process.
pub(crate) fn show(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(measure())?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    report.result()
}

/// Checks the output of `demo --json`: it is complete, and the demo succeeded.
pub(crate) fn check_json(printed: &str) -> Result {
    serde_json::from_str::<Report>(printed)?.result()
}

async fn measure() -> Result<Report> {
    let servers = [CounterServer::start(), CounterServer::start()];
    let tally = job::run(&servers).await?;
    let latencies = latency::measure(&servers[0]).await?;
    let open = servers.iter().map(|server| server.open_sessions().len());
    Ok(Report::of(&tally, latencies, open.sum()))
}
