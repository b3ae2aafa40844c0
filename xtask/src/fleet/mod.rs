//! `cargo xtask fleet`: three real processes of a small gateway, one Redis, one counting upstream of
//! each kind.
//!
//! The replicas are restarted one after the other, killed and stopped, their clocks are wrong, and Redis
//! is stopped, killed, flushed and written to by a stranger, while calls run. The upstreams record what
//! they executed, under which request ids and on which sessions.

mod processes;
mod report;
mod scenes;

use mcp_pool_testkit::server::Modes;
use xshell::Shell;

pub(crate) use self::processes::{GatewayOptions, serve, signal};
use self::report::Row;
use crate::{Result, programs::run_in_release, soak::fresh_seed};

/// Options of the run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// How long replicas are killed for each kind of upstream.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Selects the replicas that are killed. Default: another one in each run, which is printed.
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the fleet in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let seed = options.seed.map(|seed| format!("--seed={seed}"));
    let more = seed.as_slice();
    run_in_release(sh, "fleet-inner", options.json, options.seconds, more)
}

/// Runs the fleet from this process.
pub(crate) fn show(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let mut rows: Vec<Row> = Vec::new();
    for (name, modes) in upstreams() {
        rows.push(runtime.block_on(scenes::play(name, modes, options.seconds, seed))?);
    }
    match options.json {
        true => println!("{}", report::json(&rows)?),
        false => println!("{}", report::table(&rows)),
    }
    report::check(&rows)
}

fn upstreams() -> [(&'static str, Modes); 2] {
    let legacy = Modes::default().legacy_only();
    [("events", legacy), ("json", legacy.with_json())]
}
