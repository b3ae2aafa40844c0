//! The limits of a session.

use std::time::Duration;

/// The limits of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of one answer in the response to a message.
    pub(crate) max_body: usize,
    /// Bytes of one event.
    pub(crate) max_event: usize,
    /// Until the server accepts a message.
    pub(crate) post_timeout: Duration,
    /// Without a byte on the stream; `None`: no limit.
    pub(crate) idle_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 16 * 1024 * 1024,
            max_event: 4 * 1024 * 1024,
            post_timeout: Duration::from_secs(30),
            idle_timeout: None,
        }
    }
}
