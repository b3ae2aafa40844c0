//! The lines of a child in the log of this process.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{lines::LineLimits, secrets::Secrets};
use crate::stats::Counters;

/// Passes the lines of one stream of a child to `tracing`: redacted, cut, and within a budget of bytes
/// for each second.
pub(crate) struct ChildLog {
    command: Arc<str>,
    stream: &'static str,
    secrets: Arc<Secrets>,
    counters: Arc<Counters>,
    budget: Budget,
}

impl ChildLog {
    pub(crate) fn new(
        command: &Arc<str>,
        stream: &'static str,
        secrets: &Arc<Secrets>,
        counters: &Arc<Counters>,
    ) -> Self {
        Self {
            command: Arc::clone(command),
            stream,
            secrets: Arc::clone(secrets),
            counters: Arc::clone(counters),
            budget: Budget::new(Instant::now()),
        }
    }

    /// The limits of lines that are read for the log alone.
    pub(crate) fn line_limits(&self) -> LineLimits {
        let most = MAX_LINE + self.secrets.longest();
        LineLimits {
            whole: most,
            ends: most,
            endless: None,
        }
    }

    /// Logs a line, or the beginning of one.
    pub(crate) fn line(&mut self, line: &[u8]) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let now = Instant::now();
        let left_out = self.budget.renew(now);
        if left_out > 0 {
            let (command, stream) = (&*self.command, self.stream);
            tracing::debug!(command, stream, left_out, "lines of a child are not logged");
        }
        if !self.budget.take(line.len().min(MAX_LINE)) {
            self.counters.unlogged_lines.add();
            return;
        }
        let text = self.secrets.redact(line.trim_ascii(), MAX_LINE);
        let (command, stream) = (&*self.command, self.stream);
        // In debug form: no line of a child can pass for another record.
        tracing::debug!(command, stream, line = ?text, "a line of a child");
    }
}

impl fmt::Debug for ChildLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildLog")
            .field("command", &self.command)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// Bytes that may be logged within a second.
#[derive(Debug)]
struct Budget {
    renewed_at: Instant,
    left: usize,
    left_out: u64,
}

impl Budget {
    fn new(now: Instant) -> Self {
        Self {
            renewed_at: now,
            left: BYTES_PER_SECOND,
            left_out: 0,
        }
    }

    /// Begins another second where one has passed. Returns the lines that had no place in the last
    /// one.
    fn renew(&mut self, now: Instant) -> u64 {
        if now < self.renewed_at + SECOND {
            return 0;
        }
        let left_out = self.left_out;
        *self = Self::new(now);
        left_out
    }

    fn take(&mut self, bytes: usize) -> bool {
        // An empty line has a record too.
        match self.left.checked_sub(bytes.max(MIN_RECORD)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left_out += 1;
                false
            }
        }
    }
}

const MAX_LINE: usize = 4 * 1024;
const BYTES_PER_SECOND: usize = 64 * 1024;
const MIN_RECORD: usize = 64;
const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_bytes_and_the_next_one_names_what_was_left_out() {
        let began = Instant::now();
        let mut budget = Budget::new(began);
        let lines = (0..100).filter(|_| budget.take(MAX_LINE)).count();
        assert_eq!(lines, BYTES_PER_SECOND / MAX_LINE);
        assert_eq!(budget.renew(began + SECOND / 2), 0);
        assert_eq!(budget.renew(began + SECOND), 100 - lines as u64);
        assert!(budget.take(MAX_LINE));
        assert_eq!(budget.renew(began + 3 * SECOND), 0);
    }
}
