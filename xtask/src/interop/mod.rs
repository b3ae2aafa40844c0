//! `cargo xtask interop`: servers of other projects, called through the pool.
//!
//! Each server is started behind a proxy that counts. Five users call its tools through one pool;
//! in the middle the server is killed and started again on the same port. The log of the
//! proxy shows that sessions were reused, and that all of them were closed.

mod install;
mod job;
mod proxy;
mod report;
mod rows;
mod server;
mod session_log;

use futures::StreamExt;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Duration, Instant, timeout},
};
use xshell::Shell;

use self::{
    install::Missing,
    proxy::Proxy,
    report::{Line, Report},
    rows::{ROWS, Row},
    server::Server,
};
use crate::Result;

/// Which servers to call, and what to do without their tools.
#[derive(Default, clap::Args)]
pub(crate) struct Options {
    /// Calls only the servers with this text in their name.
    #[arg(long)]
    only: Option<String>,
    /// Leaves out servers without their tools (node, npm, python3).
    #[arg(long)]
    skip_missing: bool,
}

/// Runs the job of each server, a few at a time, and prints the outcomes.
///
/// # Errors
/// When a tool is missing, or a check of a server failed.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let chosen: Vec<&Row> = ROWS.iter().filter(|row| options.chooses(row)).collect();
    if chosen.is_empty() {
        return Err("no server of that name".into());
    }
    let rows = installed(sh, chosen, options.skip_missing)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = drive_all(&rows) => Ok(report),
            // Dropping the future kills the servers that it has started.
            () = stop_signal() => Err("stopped by a signal"),
        }
    })?;
    println!("{report}");
    report.result()
}

impl Options {
    fn chooses(&self, row: &Row) -> bool {
        let name = row.name();
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

/// Installs the packages of the rows, and returns the rows that are ready.
fn installed<'r>(sh: &Shell, rows: Vec<&'r Row>, skip_missing: bool) -> Result<Vec<&'r Row>> {
    let mut ready = Vec::new();
    for row in rows {
        let installed = match row.package() {
            None => Ok(()),
            Some(package) => install::install(sh, package),
        };
        match installed {
            Ok(()) => ready.push(row),
            Err(error) => match error.downcast_ref::<Missing>() {
                Some(missing) if skip_missing => eprintln!("{}: left out, {missing}", row.name()),
                _ => return Err(format!("{}: {error}", row.name()).into()),
            },
        }
    }
    Ok(ready)
}

async fn drive_all(rows: &[&Row]) -> Report {
    let lines = futures::stream::iter(rows).map(|row| line(row));
    Report::of(lines.buffered(AT_ONCE).collect().await)
}

/// The outcome of one server.
async fn line(row: &Row) -> Line {
    let began = Instant::now();
    let outcome = match timeout(DEADLINE, drive(row)).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("not done after {DEADLINE:?}")),
    };
    eprintln!(
        "== {}: {}",
        row.name(),
        match &outcome {
            Ok(_) => "ok",
            Err(error) => error,
        }
    );
    Line::of(row, outcome, began.elapsed())
}

async fn drive(row: &Row) -> Result<job::Outcome> {
    let mut server = Server::start(row).await?;
    let proxy = Proxy::start(server.address()).await?;
    job::run(row, &mut server, &proxy).await
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
