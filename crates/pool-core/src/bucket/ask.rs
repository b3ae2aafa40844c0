//! Somebody who waits for a session.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use tokio::sync::oneshot;

use super::Held;
use crate::{
    credentials::Credential,
    error::{AcquireError, ConnectError, Stage},
    pool::Patience,
    trace::WaitTrace,
};

/// What a waiter is given in the end.
pub(crate) type Grant = Result<Held, AcquireError>;

/// Somebody who waits for a session: where to hand it, and whose it would be.
pub(crate) struct Ask {
    pub(crate) id: u64,
    /// What came with the request, to open a session with.
    pub(crate) credential: Credential,
    pub(crate) patience: Patience,
    /// What the waiting looks like in the waiter's trace.
    pub(crate) trace: WaitTrace,
    stage: AtomicU8,
    door: Mutex<Option<oneshot::Sender<Grant>>>,
    last_cause: Mutex<Option<Arc<ConnectError>>>,
}

impl Ask {
    pub(crate) fn new(
        id: u64,
        credential: Credential,
        patience: Patience,
    ) -> (Arc<Self>, oneshot::Receiver<Grant>) {
        let (sender, receiver) = oneshot::channel();
        let ask = Self {
            id,
            credential,
            patience,
            trace: WaitTrace::default(),
            stage: AtomicU8::new(QUEUE),
            door: Mutex::new(Some(sender)),
            last_cause: Mutex::new(None),
        };
        (Arc::new(ask), receiver)
    }

    /// Hands over what was waited for.
    ///
    /// # Errors
    /// The grant, when nobody waits any more.
    pub(crate) fn give(&self, grant: Grant) -> Result<(), Grant> {
        let door = self
            .door
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match door {
            Some(door) => door.send(grant),
            None => Err(grant),
        }
    }

    /// Tells whoever waits that the deadline has passed, and what was being waited for.
    pub(crate) fn time_out(&self) {
        let _ = self.give(Err(AcquireError::Timeout {
            stage: self.stage(),
            waited: self.patience.began.elapsed(),
            last_cause: self.last_cause(),
        }));
    }

    /// What is being waited for just now.
    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            CAPACITY => Stage::Capacity,
            CONNECT => Stage::Connect,
            _ => Stage::Queue,
        }
    }

    pub(crate) fn enter(&self, stage: Stage) {
        let code = match stage {
            Stage::Capacity => CAPACITY,
            Stage::Connect => CONNECT,
            _ => QUEUE,
        };
        self.stage.store(code, Ordering::Relaxed);
    }

    /// Notes what went wrong with a connect meanwhile, for the report of a timeout.
    pub(crate) fn note_cause(&self, cause: &Arc<ConnectError>) {
        let mut last = self
            .last_cause
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some(Arc::clone(cause));
    }

    fn last_cause(&self) -> Option<Arc<ConnectError>> {
        self.last_cause
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

const QUEUE: u8 = 0;
const CAPACITY: u8 = 1;
const CONNECT: u8 = 2;
