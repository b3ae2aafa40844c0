#![doc = include_str!("../README.md")]

mod announcement;
mod connector;
mod detect;
mod driver;
mod handshake;
mod incoming;
mod limits;
mod link;
mod post;
mod service;
mod transport;

pub use announcement::AnnouncementError;
pub use connector::SseConnector;
pub use mcp_pool_http::BuildError;
