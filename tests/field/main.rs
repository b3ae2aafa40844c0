//! Servers and networks as they are: what they do, and what becomes of the calls.

mod circuit;
#[path = "../suites/common.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod common;
mod connections;
mod conversations;
mod cookies;
mod fronts;
mod headers;
mod lost_sessions;
#[path = "../suites/over.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod over;
mod proof;
mod redirects;
mod requested_waits;
mod setup;
mod user_agent;
