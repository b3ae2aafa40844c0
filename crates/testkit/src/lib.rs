#![doc = include_str!("../README.md")]

pub mod conformance;
pub mod fake;
pub mod logs;
pub mod mocks;
mod notifying_server;
pub mod server;
pub mod streams;

pub use notifying_server::NotifyingServer;
