//! Messages that come before it is known what their server is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_pool_core::extend::Incoming;

/// Messages beside the answer that introduces a server.
///
/// A handler's service needs that answer. Waiting for it while its own response is read would be a
/// deadlock, so that the messages are kept until it has been read.
#[derive(Debug, Default)]
pub(super) struct EarlyMessages(Mutex<Vec<String>>);

impl EarlyMessages {
    /// Keeps a message, unless a server sends too many.
    pub(super) fn keep(&self, message: &Incoming<'_>) {
        let mut messages = self.lock();
        if messages.len() < MAX_EARLY {
            messages.push(message.text().to_owned());
        }
    }

    /// The messages that were kept, in their order.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MAX_EARLY: usize = 64;
