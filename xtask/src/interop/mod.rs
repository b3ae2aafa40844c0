//! `cargo xtask interop`: servers of other projects, called through the pool.
//!
//! Most servers are started behind a proxy that counts. Five users call their tools through one
//! pool; in the middle the server is killed and started again on the same port. The log of the
//! proxy shows that sessions were reused, and that all of them were closed. The other [`Job`]s go
//! without the proxy.

mod clients;
mod inspector;
mod install;
mod jobs;
mod proxy;
mod report;
mod rows;
mod server;
mod session_log;
mod stdio;

use std::error::Error;

use futures::StreamExt;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Duration, Instant, timeout},
};
use xshell::Shell;

use self::{
    install::Missing,
    jobs::Outcome,
    report::{Line, Report},
    rows::{Job, Package, Row, rows},
    stdio::{SERVERS, StdioServer},
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
    /// Runs clients of other projects through a gateway, instead of servers.
    #[arg(long)]
    clients: bool,
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
    if options.clients {
        return clients::run(sh, options.skip_missing);
    }
    let (chosen, over_stdio) = (options.chosen(), options.chosen_over_stdio());
    if chosen.is_empty() && over_stdio.is_empty() {
        return Err("no server of that name; --all has more".into());
    }
    let runs = installed(sh, chosen, Run::needs, options.skip_missing)?;
    let over_stdio = installed(sh, over_stdio, Needs::of_server, options.skip_missing)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = drive_all(&runs, &over_stdio) => Ok(report),
            // Dropping the future kills the servers that it has started.
            () = stop_signal() => Err("stopped by a signal"),
        }
    })?;
    println!("{report}");
    report.result()
}

impl Options {
    /// Runs the clients.
    pub(crate) fn of_clients() -> Self {
        Self {
            clients: true,
            ..Self::default()
        }
    }

    fn chosen(&self) -> Vec<Run> {
        let runs = rows().flat_map(|row| row.jobs(self.all).map(move |job| Run { row, job }));
        let named = |run: &Run| {
            let only = self.only.as_deref().unwrap_or_default();
            run.name().contains(only)
        };
        runs.filter(named).collect()
    }

    fn chosen_over_stdio(&self) -> Vec<&'static StdioServer> {
        let servers = if self.all { SERVERS } else { &[] };
        let only = self.only.as_deref().unwrap_or_default();
        let servers = servers.iter();
        servers.filter(|it| it.name().contains(only)).collect()
    }
}

/// What must be installed for a run.
struct Needs {
    name: String,
    packages: Vec<&'static Package>,
}

impl Run {
    fn name(&self) -> String {
        self.row.name_of(self.job)
    }

    fn needs(&self) -> Needs {
        Needs {
            name: self.name(),
            packages: self.row.packages().collect(),
        }
    }
}

impl Needs {
    fn of_server(server: &&'static StdioServer) -> Self {
        Self {
            name: server.name(),
            packages: vec![server.package],
        }
    }
}

/// Installs the packages of the runs, and returns the runs that are ready.
fn installed<R>(
    sh: &Shell,
    runs: Vec<R>,
    needs: impl Fn(&R) -> Needs,
    skip_missing: bool,
) -> Result<Vec<R>> {
    let mut ready = Vec::new();
    for run in runs {
        let Needs { name, packages } = needs(&run);
        let mut packages = packages.into_iter();
        match packages.try_for_each(|package| install::install(sh, package)) {
            Ok(()) => ready.push(run),
            Err(error) => match error.downcast_ref::<Missing>() {
                Some(missing) if skip_missing => eprintln!("{name}: left out, {missing}"),
                _ => return Err(format!("{name}: {error}").into()),
            },
        }
    }
    Ok(ready)
}

async fn drive_all(runs: &[Run], over_stdio: &[&'static StdioServer]) -> Report {
    let lines = futures::stream::iter(runs).map(|run| line(*run));
    let mut lines: Vec<_> = lines.buffered(AT_ONCE).collect().await;
    for server in over_stdio {
        // Each has twenty processes.
        lines.push(line_over_stdio(server).await);
    }
    Report::of(lines)
}

/// The outcome of one run.
async fn line(run: Run) -> Line {
    let began = Instant::now();
    let outcome = within_deadline(run.name(), jobs::run(run.job, run.row)).await;
    Line::of(run.row, run.job, outcome, began.elapsed())
}

/// The outcome of one server over stdio.
async fn line_over_stdio(server: &'static StdioServer) -> Line {
    let began = Instant::now();
    let outcome = within_deadline(server.name(), stdio::run(server)).await;
    Line::over_stdio(server, outcome, began.elapsed())
}

/// The outcome of a job, which is printed at once.
async fn within_deadline(
    name: String,
    job: impl Future<Output = Result<Outcome>>,
) -> std::result::Result<Outcome, String> {
    let outcome = match timeout(DEADLINE, job).await {
        Ok(outcome) => outcome.map_err(|error| with_causes(error.as_ref())),
        Err(_) => Err(format!("not done after {DEADLINE:?}")),
    };
    let shown = outcome.as_ref().err().map_or("ok", String::as_str);
    eprintln!("== {name}: {shown}");
    outcome
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
const DEADLINE: Duration = Duration::from_secs(900);
