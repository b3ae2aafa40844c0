#![doc = include_str!("../README.md")]

mod announcement;
mod bound_handler;
mod connection;
mod connector;
mod detect;
mod driver;
mod handshake;
mod incoming;
mod limits;
mod post;
mod rmcp_adapter;

pub use announcement::AnnouncementError;
pub use connector::SseConnector;
pub use mcp_pool_http::BuildError;
