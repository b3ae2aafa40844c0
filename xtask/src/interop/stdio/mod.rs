//! Servers over stdio: twenty users, a child of the pool each.

mod job;
mod processes;
mod servers;

pub(super) use job::run;
pub(super) use servers::{SERVERS, StdioServer};
