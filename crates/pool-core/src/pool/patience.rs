//! How long somebody is ready to wait.

use tokio::time::Instant;

use crate::error::{AcquireError, Stage};

/// How long somebody is ready to wait, and since when.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) began: Instant,
    pub(crate) deadline: Instant,
}

impl Patience {
    pub(crate) fn timeout(self, stage: Stage) -> AcquireError {
        AcquireError::Timeout {
            stage,
            waited: self.began.elapsed(),
            last_cause: None,
        }
    }
}
