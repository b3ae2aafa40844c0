#![doc = include_str!("../README.md")]

mod connector;
mod decode;
mod detect;
mod driver;
mod eras;
mod events;
mod handshake;
mod link;
mod listen;
mod opening;
mod post;
mod wire;

pub use connector::StreamableHttpConnector;
pub use mcp_pool_http::BuildError;
