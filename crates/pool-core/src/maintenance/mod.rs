//! The one background task of a pool.

mod closing;
mod reclaim;
mod schedule;
mod sweep;
mod task;

pub(crate) use task::Maintenance;
