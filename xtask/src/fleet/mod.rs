//! `cargo xtask fleet`: three real processes of a small gateway, one Redis, one counting upstream of
//! each kind.
//!
//! The replicas are restarted one after the other, killed and stopped, and so is Redis, while calls
//! run. The upstreams record what they executed, under which request ids and on which sessions.

mod gateway;
mod redis;
mod replica;
mod report;
mod scenes;

use mcp_pool_testkit::server::Modes;
use xshell::{Shell, cmd};

pub(crate) use self::gateway::{Options as GatewayOptions, serve};
use self::report::Row;
use crate::Result;

/// Options of the run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// How long replicas are killed for each kind of upstream.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Runs the fleet in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let json = options.json.then_some("--json");
    let seconds = options.seconds.to_string();
    Ok(cmd!(
        sh,
        "cargo run --release --quiet --package xtask -- fleet-inner {json...} --seconds {seconds}"
    )
    .run()?)
}

/// Runs the fleet from this process.
pub(crate) fn show(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut rows: Vec<Row> = Vec::new();
    for (name, modes) in upstreams() {
        rows.push(runtime.block_on(scenes::play(name, modes, options.seconds))?);
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
