//! The limits of a session.

/// The limits of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of one message of a server.
    pub(crate) max_message: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 4 * 1024 * 1024,
        }
    }
}
