//! Answers to the requests of a server that need no handler.

use std::sync::{Arc, OnceLock};

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
#[derive(Default)]
pub(super) struct Replies(OnceLock<Arc<Semaphore>>);

impl Replies {
    /// Sends an answer on a task of its own, so that a server that does not take it cannot hold up
    /// what comes after its request. Waits while too many answers are under way.
    pub(super) async fn send(
        &self,
        wire: SharedWire,
        id: RequestId,
        answer: Result<ClientResult, ErrorData>,
    ) {
        // Most sessions never need it.
        let permits = self.0.get_or_init(|| Arc::new(Semaphore::new(MAX_REPLIES)));
        // The semaphore is never closed.
        if let Ok(permit) = Arc::clone(permits).acquire_owned().await {
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
