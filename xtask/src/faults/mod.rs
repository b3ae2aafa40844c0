//! `cargo xtask faults`: every fault over every transport, era, scope, number of slots and class of
//! methods.
//!
//! Each cell of the matrix has a fault server and a pool of its own, with short time-outs. Some callers
//! call, the fault strikes, and what each caller got is compared with what the server executed. Then the
//! pool must be usable again, and leave no session behind when it is closed.

mod callers;
mod cell;
mod kinds;
mod matrix;
mod report;
mod rig;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};
use xshell::{Shell, cmd};

pub(crate) use self::{
    callers::{Call, call},
    kinds::Class,
    report::OVERSHOOT,
};
use self::{
    cell::Cell,
    report::{Finding, Report},
    rig::Rig,
};
use crate::Result;

/// Options of the run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Runs only the cells whose names contain this text.
    #[arg(long)]
    only: Option<String>,
    /// How many cells run at the same time.
    #[arg(long, default_value_t = 24)]
    at_once: usize,
}

impl Options {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("--at-once={}", self.at_once)];
        arguments.extend(self.json.then(|| "--json".to_owned()));
        arguments.extend(self.only.iter().map(|only| format!("--only={only}")));
        arguments
    }
}

/// Runs the matrix in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let arguments = options.arguments();
    Ok(cmd!(
        sh,
        "cargo run --release --quiet --package xtask -- faults-inner {arguments...}"
    )
    .quiet()
    .run()?)
}

/// Runs the matrix in this process.
pub(crate) fn show(options: &Options) -> Result {
    let only = options.only.clone().unwrap_or_default();
    let cells = matrix::cells().into_iter();
    let cells: Vec<Cell> = cells.filter(|cell| cell.name().contains(&only)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let findings = runtime.block_on(run_all(cells, options.at_once))?;
    let report = Report::of(findings);
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{report}"),
    }
    report.check()
}

async fn run_all(cells: Vec<Cell>, at_once: usize) -> Result<Vec<Finding>> {
    let rig = Arc::new(Rig::new()?);
    let turns = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for cell in cells {
        let (rig, turns) = (Arc::clone(&rig), Arc::clone(&turns));
        running.spawn(async move {
            let _turn = turns.acquire().await;
            let name = cell.name();
            match tokio::time::timeout(LONGEST, cell.run(&rig)).await {
                Ok(Ok(finding)) => finding,
                Ok(Err(error)) => Finding::unusable(name, error),
                Err(_) => Finding::unusable(name, "the cell never ended".to_owned()),
            }
        });
    }
    let mut findings = running.join_all().await;
    findings.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(findings)
}

/// No cell takes as long, unless something hangs for ever.
const LONGEST: Duration = Duration::from_secs(60);
