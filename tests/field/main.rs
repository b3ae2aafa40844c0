//! Servers and networks as they are: what they do, and what becomes of the calls.

mod checks;
mod circuit;
#[path = "../suites/common.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod common;
mod compression;
mod connections;
mod conversations;
mod cookies;
mod faults;
mod fronts;
mod full_size;
mod headers;
mod limits;
mod loops;
mod lost_sessions;
mod openings;
mod optional_stream;
#[path = "../suites/over.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod over;
mod proof;
mod reading;
mod redirects;
mod refused_revisions;
mod requested_waits;
mod resumption;
mod setup;
mod shell_server;
mod sse_rows;
mod stdio;
mod tool_hints;
mod user_agent;
