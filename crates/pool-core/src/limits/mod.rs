//! The limits over all keys.

mod capacity;
mod fair_semaphore;

pub(crate) use capacity::Capacity;
pub(crate) use fair_semaphore::{FairSemaphore, Permit};
