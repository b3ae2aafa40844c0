#![doc = include_str!("../README.md")]

pub mod conformance;
pub mod fake;
pub mod logs;
pub mod mocks;
pub mod server;
pub mod streams;
mod talkative;

pub use talkative::TalkativeServer;
