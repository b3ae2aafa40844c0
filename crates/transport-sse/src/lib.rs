#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod announcement;
mod limits;

mod stream;

mod session;

mod detect;
mod handshake;

mod connector;

pub use announcement::AnnouncementError;
pub use connector::SseConnector;
pub use mcp_pool_http::BuildError;
pub use reqwest;
