//! TODO.

mod closing;
mod reclaim;
mod schedule;
mod sweep;
mod task;

pub(crate) use task::Maintenance;
