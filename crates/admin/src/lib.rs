#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod guard;
mod page;
mod recorder;
mod samples;

mod routes;

mod admin;

pub use admin::Admin;
pub use recorder::Recorder;

// The public signatures name types of these crates.
pub use axum;
pub use mcp_pool_core;
