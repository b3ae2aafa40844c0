//! A caller that waits for a session.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use tokio::sync::oneshot;

use crate::{
    error::{AcquireError, ConnectError, Stage},
    extend::Credential,
    key::session::SessionSlot,
    time::Deadline,
    trace::WaitTrace,
};

/// What a waiter gets in the end. A slot that is dropped here is lost: the receiver takes it out of
/// its channel before it goes.
pub(crate) type Grant = Result<SessionSlot, AcquireError>;

/// A caller that waits for a session of a key.
pub(crate) struct Waiter {
    pub(crate) id: u64,
    /// The credential of the request, for a session that is opened for it.
    pub(crate) credential: Credential,
    pub(crate) deadline: Deadline,
    /// The spans of the waiting.
    pub(crate) trace: WaitTrace,
    stage: AtomicU8,
    sender: Mutex<Option<oneshot::Sender<Grant>>>,
    last_cause: Mutex<Option<Arc<ConnectError>>>,
}

impl Waiter {
    pub(crate) fn new(
        id: u64,
        credential: Credential,
        deadline: Deadline,
    ) -> (Arc<Self>, oneshot::Receiver<Grant>) {
        let (sender, receiver) = oneshot::channel();
        let waiter = Self {
            id,
            credential,
            deadline,
            trace: WaitTrace::default(),
            stage: AtomicU8::new(QUEUE),
            sender: Mutex::new(Some(sender)),
            last_cause: Mutex::new(None),
        };
        (Arc::new(waiter), receiver)
    }

    /// Delivers a grant.
    ///
    /// # Errors
    /// The grant, when the caller waits no more.
    pub(crate) fn grant(&self, grant: Grant) -> Result<(), Grant> {
        let sender = self
            .sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match sender {
            Some(sender) => sender.send(grant),
            None => Err(grant),
        }
    }

    /// The error of a waiter whose deadline has passed.
    pub(crate) fn timeout(&self) -> AcquireError {
        AcquireError::Timeout {
            stage: self.stage(),
            waited: self.deadline.waited(),
            last_cause: self.last_cause(),
        }
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            CAPACITY => Stage::Capacity,
            CIRCUIT => Stage::Circuit,
            CONNECT => Stage::Connect,
            _ => Stage::Queue,
        }
    }

    /// Sets what the caller waits for.
    pub(crate) fn enter(&self, stage: Stage) {
        let code = match stage {
            Stage::Capacity => CAPACITY,
            Stage::Circuit => CIRCUIT,
            Stage::Connect => CONNECT,
            _ => QUEUE,
        };
        self.stage.store(code, Ordering::Relaxed);
    }

    /// Keeps the error of a failed connect for the report of a timeout.
    pub(crate) fn set_cause(&self, cause: &Arc<ConnectError>) {
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
const CIRCUIT: u8 = 3;
