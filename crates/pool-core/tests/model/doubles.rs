//! Sessions and callers of a key without a pool.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::slots::{Caller, FORFEITED, Member, Ticket, WaitCell};

/// A session of the model.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) slots: u32,
    /// Accessed under the lock of the slots.
    pub(crate) generation: Arc<AtomicU64>,
    pub(crate) suffices: bool,
}

impl Member for Session {
    fn id(&self) -> u64 {
        self.id
    }

    fn slots(&self) -> u32 {
        self.slots
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    fn forfeit(&self) {
        let generation = &self.generation;
        generation.store(FORFEITED, Ordering::Relaxed);
    }

    fn suffices(&self) -> bool {
        self.suffices
    }
}

/// A caller of the model.
pub(crate) struct User(
    #[allow(dead_code, reason = "it is dropped with the caller")] pub(crate) Option<Arc<()>>,
);

/// Its waiting.
pub(crate) struct Wait {
    pub(crate) ticket: Ticket,
    pub(crate) cell: WaitCell<Session, User, u64>,
    /// Whether the queue needs a look at its deadline.
    #[allow(dead_code, reason = "the model has no deadlines")]
    pub(crate) is_watched: bool,
}

/// A cell for a caller that is to wait.
pub(crate) fn cell() -> WaitCell<Session, User, u64> {
    let mut cell = WaitCell::default();
    cell.fill(|| User(None));
    cell
}

impl Caller for User {
    type Error = ();
}
