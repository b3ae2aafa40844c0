//! The lines that a child writes.

mod ids;
mod lines;
mod log;
mod secrets;

pub(crate) use ids::{malformed_answers, named_ids};
pub(crate) use lines::{Line, LineLimits, LineReader};
pub(crate) use log::ChildLog;
pub(crate) use secrets::Secrets;
