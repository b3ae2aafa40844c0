//! What a session needs only at times.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use http::HeaderValue;
use mcp_pool_core::extend::{CloseOutcome, Incoming};
use tokio::sync::OnceCell;

use super::standalone::Standalone;
use crate::request::ToolHeaders;

/// What a session needs only at times. An idle session has none of it.
#[derive(Default)]
pub(super) struct Rare {
    /// The standalone stream, for a session that wants one.
    pub(super) standalone: OnceLock<Standalone>,
    /// The revision, where it is none of the known ones.
    pub(super) revision: OnceLock<HeaderValue>,
    pub(super) early: EarlyMessages,
    /// The headers that the tools of a stateless server want.
    pub(super) tools: Mutex<ToolHeaders>,
    pub(super) deleted: OnceCell<CloseOutcome>,
    /// Held while the server is requested to describe itself.
    pub(super) discovering: tokio::sync::Mutex<()>,
}

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
