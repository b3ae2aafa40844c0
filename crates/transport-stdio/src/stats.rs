//! What a connector counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a connector has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct StdioStats {
    /// Children that run now, those included that are ending.
    pub processes: usize,
    /// Children that were started.
    pub started: u64,
    /// Children that ended before their handshake was complete, and programs that did not start.
    pub failed_starts: u64,
    /// Children that ended on their own.
    pub ended: u64,
    /// Children that had to be killed.
    pub killed: u64,
    /// Lines that children wrote to their standard error.
    pub error_lines: u64,
    /// Lines on the standard output of children that are no message.
    pub other_lines: u64,
    /// Lines of children that were over a limit and are in no log.
    pub unlogged_lines: u64,
    /// Answers that no request waited for.
    pub stray_answers: u64,
}

/// The counts that are written.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) started: Count,
    pub(crate) failed_starts: Count,
    pub(crate) ended: Count,
    pub(crate) killed: Count,
    pub(crate) error_lines: Count,
    pub(crate) other_lines: Count,
    pub(crate) unlogged_lines: Count,
    pub(crate) stray_answers: Count,
}

/// One count.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn stats(&self, processes: usize) -> StdioStats {
        StdioStats {
            processes,
            started: self.started.get(),
            failed_starts: self.failed_starts.get(),
            ended: self.ended.get(),
            killed: self.killed.get(),
            error_lines: self.error_lines.get(),
            other_lines: self.other_lines.get(),
            unlogged_lines: self.unlogged_lines.get(),
            stray_answers: self.stray_answers.get(),
        }
    }
}
