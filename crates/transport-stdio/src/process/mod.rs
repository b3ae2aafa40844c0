//! Child processes.

mod child;
mod group;
#[cfg(target_os = "linux")]
mod parent_death;
mod starter;

pub(crate) use child::{ChildProcess, Pipes};
pub(crate) use starter::start;
