//! What a session may take.

use std::time::Duration;

/// What a session may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_event: usize,
    pub(crate) post_timeout: Duration,
    pub(crate) idle_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_event: 4 * 1024 * 1024,
            post_timeout: Duration::from_secs(30),
            idle_timeout: None,
        }
    }
}
