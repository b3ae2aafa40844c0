//! The limits of a session.

/// The limits of a session, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// One JSON body.
    pub(crate) max_body: usize,
    /// One event.
    pub(crate) max_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 16 * 1024 * 1024,
            max_event: 4 * 1024 * 1024,
        }
    }
}
