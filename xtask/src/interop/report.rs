//! The summary of all servers.

use std::{fmt, time::Duration};

use tabled::{Table, Tabled, settings::Style};

use super::{
    jobs::Outcome,
    rows::{Job, Row},
    stdio::StdioServer,
};
use crate::{Result, root};

/// The outcomes of all servers. Prints as a table.
pub(super) struct Report(Vec<Line>);

/// The outcome of one server.
#[derive(Tabled)]
pub(super) struct Line {
    server: String,
    version: String,
    transport: String,
    job: &'static str,
    revision: String,
    sessions: String,
    calls: usize,
    #[tabled(display = "seconds")]
    time: Duration,
    result: String,
}

impl Line {
    pub(super) fn of(
        row: &Row,
        job: Job,
        outcome: std::result::Result<Outcome, String>,
        time: Duration,
    ) -> Self {
        let version = row.package().map(|package| package.version.to_owned());
        Self {
            server: format!("{} {}", row.server, row.mode).trim_end().to_owned(),
            version: version.unwrap_or_else(rmcp_version),
            transport: row.transport.to_string(),
            job: job.name(),
            ..Self::with_outcome(outcome, time)
        }
    }

    pub(super) fn over_stdio(
        server: &StdioServer,
        outcome: std::result::Result<Outcome, String>,
        time: Duration,
    ) -> Self {
        Self {
            server: server.server.to_owned(),
            version: server.package.version.to_owned(),
            transport: "stdio".to_owned(),
            job: "users",
            ..Self::with_outcome(outcome, time)
        }
    }

    fn with_outcome(outcome: std::result::Result<Outcome, String>, time: Duration) -> Self {
        let (outcome, result) = match outcome {
            Ok(outcome) => (Some(outcome), OK.to_owned()),
            Err(error) => (None, error),
        };
        let calls = outcome.as_ref().map_or(0, |outcome| outcome.calls);
        let (revision, sessions) = outcome
            .map(|outcome| (outcome.revision, outcome.sessions))
            .unwrap_or_default();
        Self {
            server: String::new(),
            version: String::new(),
            transport: String::new(),
            job: "",
            revision,
            sessions,
            calls,
            time,
            result,
        }
    }
}

impl Report {
    pub(super) fn of(lines: Vec<Line>) -> Self {
        Self(lines)
    }

    /// # Errors
    /// When a check of a server failed.
    pub(super) fn result(&self) -> Result {
        let failed = self.0.iter().filter(|line| line.result != OK).count();
        match failed {
            0 => Ok(()),
            failed => Err(format!("{failed} of {} jobs failed", self.0.len()).into()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table::new(&self.0).with(Style::sharp()).fmt(f)
    }
}

fn seconds(time: &Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The version of rmcp that the workspace is locked to.
fn rmcp_version() -> String {
    let lock = std::fs::read_to_string(format!("{}/Cargo.lock", root())).unwrap_or_default();
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"rmcp\"");
    let version = lines.nth(1).and_then(|line| line.split('"').nth(1));
    version.unwrap_or("unknown").to_owned()
}

const OK: &str = "ok";
