//! `cargo xtask interop`: servers of other projects, called through the pool.
//!
//! Most servers are started behind a proxy that counts. Five users call their tools through one
//! pool; in the middle the server is killed and started again on the same port. The log of the
//! proxy shows that sessions were reused, and that all of them were closed. The other [`Job`]s go
//! without the proxy.

mod install;
mod jobs;
mod proxy;
mod report;
mod rows;
mod server;
mod session_log;

use std::error::Error;

use futures::StreamExt;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Duration, Instant, timeout},
};
use xshell::Shell;

use self::{
    install::Missing,
    report::{Line, Report},
    rows::{Job, Row, rows},
};
use crate::Result;

/// Which servers to call, and what to do without their tools.
#[derive(Default, clap::Args)]
pub(crate) struct Options {
    /// Calls only the servers with this text in their name, which ends with the job.
    #[arg(long)]
    only: Option<String>,
    /// Does the jobs that take long too, with more servers.
    #[arg(long)]
    all: bool,
    /// Leaves out servers without their tools (node, npm, python3).
    #[arg(long)]
    skip_missing: bool,
}

/// One server, and what is done with it.
#[derive(Clone, Copy)]
struct Run {
    row: &'static Row,
    job: Job,
}

/// Runs the jobs of each server, a few at a time, and prints the outcomes.
///
/// # Errors
/// When a tool is missing, or a check of a server failed.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let chosen = options.chosen();
    if chosen.is_empty() {
        return Err("no server of that name; --all has more".into());
    }
    let runs = installed(sh, chosen, options.skip_missing)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = drive_all(&runs) => Ok(report),
            // Dropping the future kills the servers that it has started.
            () = stop_signal() => Err("stopped by a signal"),
        }
    })?;
    println!("{report}");
    report.result()
}

impl Options {
    fn chosen(&self) -> Vec<Run> {
        let runs = rows().flat_map(|row| row.jobs(self.all).map(move |job| Run { row, job }));
        let named = |run: &Run| {
            let only = self.only.as_deref().unwrap_or_default();
            run.name().contains(only)
        };
        runs.filter(named).collect()
    }
}

impl Run {
    fn name(&self) -> String {
        self.row.name_of(self.job)
    }
}

/// Installs the packages of the rows, and returns the runs that are ready.
fn installed(sh: &Shell, runs: Vec<Run>, skip_missing: bool) -> Result<Vec<Run>> {
    let mut ready = Vec::new();
    for run in runs {
        let mut packages = run.row.packages();
        match packages.try_for_each(|package| install::install(sh, package)) {
            Ok(()) => ready.push(run),
            Err(error) => match error.downcast_ref::<Missing>() {
                Some(missing) if skip_missing => eprintln!("{}: left out, {missing}", run.name()),
                _ => return Err(format!("{}: {error}", run.name()).into()),
            },
        }
    }
    Ok(ready)
}

async fn drive_all(runs: &[Run]) -> Report {
    let lines = futures::stream::iter(runs).map(|run| line(*run));
    Report::of(lines.buffered(AT_ONCE).collect().await)
}

/// The outcome of one run.
async fn line(run: Run) -> Line {
    let began = Instant::now();
    let outcome = match timeout(DEADLINE, jobs::run(run.job, run.row)).await {
        Ok(outcome) => outcome.map_err(|error| with_causes(error.as_ref())),
        Err(_) => Err(format!("not done after {DEADLINE:?}")),
    };
    eprintln!(
        "== {}: {}",
        run.name(),
        match &outcome {
            Ok(_) => "ok",
            Err(error) => error,
        }
    );
    Line::of(run.row, run.job, outcome, began.elapsed())
}

/// The text of an error and of its causes.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Returns on SIGTERM or Ctrl-C.
async fn stop_signal() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// A server mostly waits while it starts, so a few share the cores well.
const AT_ONCE: usize = 3;
/// A job that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(120);
