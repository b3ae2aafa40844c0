//! End-to-end suites, one file per promise.

mod calls;
mod cancellation;
mod common;
mod eras;
mod isolation;
mod lifecycle;
mod limits;
mod multiplexing;
mod questions;
mod seed_scenarios;
mod server_messages;
mod streams;
mod subscriptions;
mod tool_lists;
mod waiting;
