//! `cargo xtask interop`: servers that others wrote, driven through the pool.
//!
//! Each server is started behind a proxy that counts. Five users call its tools through one pool;
//! in the middle the server is killed and started again on the same port. What the proxy saw says
//! whether sessions were reused, and whether all of them were closed.

mod install;
mod job;
mod ledger;
mod proxy;
mod report;
mod rows;
mod server;

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

/// Which servers, and what to do without their tools.
#[derive(Default, clap::Args)]
pub(crate) struct Options {
    /// Only the servers whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// Leaves out the servers whose tools (node, npm, python3) are missing, instead of failing.
    #[arg(long)]
    skip_missing: bool,
}

/// Drives the servers, a few at a time, and prints what came of it.
///
/// # Errors
/// When a tool is missing, or what was expected of a server did not hold.
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
            // Dropping the drive kills the server that it has started.
            () = told_to_stop() => Err("told to stop"),
        }
    })?;
    println!("{report}");
    report.verdict()
}

impl Options {
    fn chooses(&self, row: &Row) -> bool {
        let name = row.name();
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

/// The rows whose packages are installed, in the end.
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

/// What comes of one server.
async fn line(row: &Row) -> Line {
    let began = Instant::now();
    let outcome = match timeout(PATIENCE, drive(row)).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("not done after {PATIENCE:?}")),
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

/// Returns when somebody wants the process to end.
async fn told_to_stop() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Servers spend most of their time with starting.
const AT_ONCE: usize = 3;
/// A server that takes longer for the whole of its job hangs.
const PATIENCE: Duration = Duration::from_secs(120);
