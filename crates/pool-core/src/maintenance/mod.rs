//! The one background task of a pool.

mod candidates;
mod closing;
mod farewell;
mod heartbeat;
mod overdue;
mod reclaim;
mod schedule;
mod sweep;
mod task;

pub(crate) use heartbeat::{apply_revocations, start_heartbeat};
pub(crate) use task::Maintenance;
