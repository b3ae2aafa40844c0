//! Waiting for a session of a key.

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::Instrument;

use super::connect::Connects;
use crate::{
    error::AcquireError,
    extend::{CloseReason, Credential},
    key::{Admission, Fate, Grant, KeyPool, QueuePosition, SlotGuard, Waiter, run, run_with},
    time::Deadline,
    trace,
};

/// Waits for the next slot of a key that is released or opened. `None` when the key was removed.
///
/// # Errors
/// The error of a connect that the caller waited for, [`AcquireError::Closed`] or
/// [`AcquireError::Timeout`].
///
/// # Cancel safety
/// Safe: a slot on its way to a caller that leaves goes to the next one.
pub(crate) async fn next_slot(
    key: Arc<KeyPool>,
    credential: Credential,
    position: QueuePosition,
    deadline: Deadline,
) -> Result<Option<SlotGuard>, AcquireError> {
    let context = &key.services.context;
    let (waiter, receiver) = Waiter::new(context.new_id(), credential, deadline);
    let effects = match key.enqueue(&waiter, position) {
        Admission::Slot(slot) => return Ok(Some(SlotGuard::new(key, slot))),
        Admission::Removed => return Ok(None),
        Admission::Queued(effects) => effects,
    };
    let span = trace::wait(&key.key);
    waiter.trace.begin(&span);
    let queued = QueueGuard {
        key: Arc::clone(&key),
        waiter,
        receiver,
        is_served: false,
    };
    run_with(&key, effects, &Connects);
    queued.wait().instrument(span).await.map(Some)
}

/// The guard of a position in the queue. Dropping it leaves the queue, and passes on a slot that
/// was delivered meanwhile.
struct QueueGuard {
    key: Arc<KeyPool>,
    waiter: Arc<Waiter>,
    receiver: oneshot::Receiver<Grant>,
    is_served: bool,
}

impl QueueGuard {
    async fn wait(mut self) -> Result<SlotGuard, AcquireError> {
        // The sweep of the key expires its waiters, so that waiting needs no timer of its own.
        let grant = (&mut self.receiver).await;
        self.is_served = true;
        let slot = grant.unwrap_or(Err(AcquireError::Closed))?;
        Ok(SlotGuard::new(Arc::clone(&self.key), slot))
    }
}

impl Drop for QueueGuard {
    fn drop(&mut self) {
        self.waiter.trace.end();
        if self.is_served {
            return;
        }
        let key = &self.key;
        run(key, key.leave_queue(self.waiter.id));
        // A slot that was sent before the channel closes would be lost with it.
        self.receiver.close();
        if let Ok(Ok(slot)) = self.receiver.try_recv() {
            let effects = key.release(slot, Fate::Undelivered, CloseReason::Superseded);
            run(key, effects);
        }
    }
}
