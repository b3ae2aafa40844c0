//! When a child may start.

mod back_off;
mod permits;

pub(crate) use back_off::{BackOff, Pause};
pub(crate) use permits::{ProcessPermit, Processes, permits};
