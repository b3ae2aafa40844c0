//! `cargo xtask outage`: a server that is gone again and again, under fifty callers.
//!
//! The server is killed every two seconds and comes back half a second later on the same port, without
//! its sessions. Each caller is a user of its own and calls a tool that records an id of the call, so
//! that the server knows what it executed and each caller what it got. The pool has its default
//! settings.

mod callers;
mod report;
mod schedule;
mod tally;

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{SessionPool, SseConnector, StreamableHttpConnector};
use xshell::Shell;

use self::{report::Row, tally::Tally};
use crate::{Result, programs::run_in_release};

/// Options of the run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// How long the callers of each setup call.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Runs the outages in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    run_in_release(sh, "outage-inner", options.json, options.seconds, &[])
}

/// Runs the outages in this process.
pub(crate) fn show(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let length = Duration::from_secs(options.seconds);
    let mut rows = Vec::new();
    for (name, modes) in setups() {
        rows.push(runtime.block_on(measure(name, modes, length))?);
    }
    match options.json {
        true => println!("{}", report::json(&rows)?),
        false => println!("{}", report::table(&rows)),
    }
    report::check(&rows)
}

fn setups() -> [(&'static str, Modes); 4] {
    [
        ("streamable_http_sessions", Modes::default()),
        (
            "streamable_http_no_sessions",
            Modes::default().without_sessions().with_json(),
        ),
        (
            "streamable_http_stateless",
            Modes::default().stateless_only(),
        ),
        ("sse", Modes::default().over_sse()),
    ]
}

async fn measure(name: &'static str, modes: Modes, length: Duration) -> Result<Row> {
    let server = CounterServer::start_as(modes);
    let (endpoint, switches) = (server.endpoint(), server.switches().clone());
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new()?)
        .connector(SseConnector::new()?)
        .build()?;
    let outages = tokio::spawn(schedule::kill_and_restart(server, length));
    let calls = callers::call_for(&pool, &endpoint, length).await?;
    let (outages, server) = outages.await?;
    let report = pool.close(Duration::from_secs(10)).await;
    let tally = Tally {
        calls,
        outages,
        executions: switches.executions(),
    };
    let left_open = server.open_sessions().len();
    Ok(Row::of(name, &tally, left_open, report.complete))
}
