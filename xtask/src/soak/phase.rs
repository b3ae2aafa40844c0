//! What one phase came to.

use std::{path::PathBuf, time::Duration};

/// What one phase came to, besides what is on disk.
pub(super) struct Phase {
    pub(super) journals: Vec<PathBuf>,
    pub(super) outcomes: PathBuf,
    pub(super) open_sessions: usize,
    /// Sessions that the pool still counts after it was closed.
    pub(super) leaks: usize,
    pub(super) overshoot: Duration,
    /// Examples of calls that ended too late.
    pub(super) late: Vec<String>,
}
