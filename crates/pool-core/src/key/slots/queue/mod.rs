//! The callers that wait for a slot of one key, and what each shares with those who serve it.

mod queue;
mod wait_cell;

pub(crate) use queue::NewWaiter;
pub(super) use queue::Queue;
pub(crate) use wait_cell::WaitCell;
pub(super) use wait_cell::{Called, Content};
