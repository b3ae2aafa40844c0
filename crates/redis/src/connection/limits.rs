//! How long the server may take.

use std::time::Duration;

/// Of a connection, and of an answer. The pool itself waits for its budget alone.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// Of a connect, before the next step begins another one.
pub(super) const RETRIES: usize = 2;
pub(super) const MAX_DELAY: Duration = Duration::from_millis(250);
