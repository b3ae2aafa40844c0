//! The lines that a child writes.

mod lines;
mod log;
mod secrets;

pub(crate) use lines::{Line, LineLimits, LineReader};
pub(crate) use log::ChildLog;
pub(crate) use secrets::Secrets;
