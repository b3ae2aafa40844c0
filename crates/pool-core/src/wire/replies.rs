//! Answers to the requests of a server that need no handler.

use std::sync::Arc;

use rmcp::{
    ErrorData,
    model::{ClientResult, RequestId},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::wire::{REPLY_TIMEOUT, SharedWire, reply};

/// The answers of one session that are under way.
pub(super) struct Replies(Arc<Semaphore>);

impl Default for Replies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_REPLIES)))
    }
}

impl Replies {
    /// Sends an answer on a task of its own, so that a server that does not take it cannot hold up
    /// what comes after its request. Waits while too many answers are under way.
    pub(super) async fn send(
        &self,
        wire: SharedWire,
        id: RequestId,
        answer: Result<ClientResult, ErrorData>,
    ) {
        // The semaphore is never closed.
        if let Ok(permit) = Arc::clone(&self.0).acquire_owned().await {
            tokio::spawn(send(wire, id, answer, permit));
        }
    }
}

async fn send(
    wire: SharedWire,
    id: RequestId,
    answer: Result<ClientResult, ErrorData>,
    _permit: OwnedSemaphorePermit,
) {
    // A server that does not take an answer has no use for it.
    let _ = timeout(REPLY_TIMEOUT, wire.send(reply(id, answer))).await;
}

const MAX_REPLIES: usize = 16;
