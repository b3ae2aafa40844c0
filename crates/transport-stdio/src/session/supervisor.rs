//! The life of a session's child.

use std::{process::ExitStatus, sync::Arc, time::Duration};

use mcp_pool_core::extend::CloseOutcome;
use tokio::{
    process::ChildStderr,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::link::Link;
use crate::{
    process::ChildProcess,
    text::{ChildLog, Line, LineReader},
};

/// Watches the child of one session and ends it. Dropping it kills the child.
pub(super) struct Supervisor {
    pub(super) link: Arc<Link>,
    pub(super) process: ChildProcess,
    /// The readers and the writer, which end with the supervisor.
    pub(super) tasks: JoinSet<()>,
    /// The reader of the child's output.
    pub(super) reading: Reading,
}

/// A task that is aborted when it is dropped.
pub(super) struct Reading(pub(super) JoinHandle<()>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why the open time of a session is over.
enum End {
    Abandoned,
    Closed,
    Exited(ExitStatus),
}

impl Supervisor {
    /// Runs until the child is gone.
    pub(super) async fn run(mut self) {
        let link = Arc::clone(&self.link);
        let gone = match self.open(&link).await {
            End::Exited(status) => {
                link.counters.ended.add();
                link.ended.cancel();
                // What the child wrote before its end is still in the pipe.
                if !self.reading.0.is_finished() {
                    let _ = timeout(DRAIN_TIMEOUT, &mut self.reading.0).await;
                }
                (CloseOutcome::Completed, status)
            }
            End::Closed => {
                link.end();
                self.farewell(&link).await
            }
            End::Abandoned => {
                link.end();
                self.kill().await
            }
        };
        let _ = link.gone.set(gone);
        link.end();
        // What the child wrote to its standard error.
        let tasks = async { while self.tasks.join_next().await.is_some() {} };
        let _ = timeout(DRAIN_TIMEOUT, tasks).await;
    }

    /// Waits until the session ends, from whichever side.
    async fn open(&mut self, link: &Link) -> End {
        let reading = &mut self.reading.0;
        tokio::select! {
            biased;
            () = link.abandoned.cancelled() => return End::Abandoned,
            status = self.process.ended() => return End::Exited(status),
            () = link.ended.cancelled() => {}
            _ = reading => {}
        }
        // Without both of its pipes a child serves no call any more.
        link.ended.cancel();
        // A child that ends closes its pipes first. Its status is worth a moment.
        if link.farewell.get().is_none()
            && let Ok(status) = timeout(EXIT_TIMEOUT, self.process.ended()).await
        {
            return End::Exited(status);
        }
        End::Closed
    }

    /// Ends the child: its input is closed, then it gets SIGTERM, then SIGKILL (revision 2025-11-25,
    /// lifecycle, shutdown).
    async fn farewell(&mut self, link: &Link) -> (CloseOutcome, ExitStatus) {
        let limit = link.farewell.get().copied().unwrap_or(FAREWELL_TIMEOUT);
        tokio::select! {
            biased;
            () = link.abandoned.cancelled() => {}
            status = self.end_within(limit) => if let Some(status) = status {
                return (CloseOutcome::Completed, status);
            },
        }
        self.kill().await
    }

    /// Waits for the end of the child, first with its input closed, then after SIGTERM. `None`: it
    /// takes longer.
    async fn end_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        // The writer has closed the input, since the session has ended.
        if let Ok(status) = timeout(limit / 2, self.process.ended()).await {
            return Some(status);
        }
        self.process.terminate();
        timeout(limit / 4, self.process.ended()).await.ok()
    }

    async fn kill(&mut self) -> (CloseOutcome, ExitStatus) {
        self.process.kill();
        self.link.counters.killed.add();
        (CloseOutcome::TimedOut, self.process.ended().await)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Its runtime may end before its callers.
        self.link.end();
    }
}

/// Passes the standard error of a child to the log.
pub(super) async fn log_errors(link: Arc<Link>, mut log: ChildLog, stderr: ChildStderr) {
    let mut lines = LineReader::new(stderr, log.line_limits());
    while let Ok(Some(line)) = lines.next().await {
        link.counters.error_lines.add();
        match line {
            Line::Whole(line) | Line::Cut(line, _) => log.line(line),
            Line::Endless => {}
        }
    }
}

/// How long the output of a child that has ended is read.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a child may take to end after it has closed its output.
const EXIT_TIMEOUT: Duration = Duration::from_millis(200);
/// The farewell of a session that ends before its owner closes it: the default of the pool.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);
