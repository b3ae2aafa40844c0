//! The demo: fifty users, each with tokens that rotate, on real sessions of embedded servers.
//!
//! They make 5,000 calls of a stateful tool through one pool. Every answer is checked: a count that is
//! not the user's own is a leak. Then the same call is measured pooled, on a session held open, and on a
//! new session, in turns. With `--serve` the users go on, and the live page shows them.

mod figures;
mod job;
mod latency;
mod options;
mod report;
#[cfg(feature = "page")]
mod serve;
mod table;
mod view;

use std::process::ExitCode;

use mcp_pool_testkit::FaultServer;

use self::{options::Options, report::Report, view::View};

/// The result of a step. Its errors are only printed.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = std::env::args().skip(1);
    let result = match Options::parse(arguments) {
        Ok(Options::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Options::Report { json }) => report(json).await,
        #[cfg(feature = "page")]
        Ok(Options::Serve { port }) => serve::run(port).await,
        #[cfg(not(feature = "page"))]
        Ok(Options::Serve { .. }) => Err("built without the live page: --features page".into()),
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the job and the measurement, and prints their report.
async fn report(json: bool) -> Result {
    let view = View::new(json);
    view.say("two MCP servers start on loopback, each with a counter for every session");
    let servers = [job::server(), job::server()];
    let tally = job::run(&servers, &view).await?;
    view.say("the same call is measured in three ways, in turns");
    let latencies = latency::measure(&servers[0]).await?;
    let open = servers.iter().map(FaultServer::open_sessions);
    let report = Report::of(&tally, latencies, open.sum());
    match json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{report}"),
    }
    report.result()
}
