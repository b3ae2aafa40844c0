#![doc = include_str!("../README.md")]

mod connection;
mod connector;
mod decode;
mod detect;
mod driver;
mod era_cache;
mod events;
mod handshake;
mod negotiate;
mod post;
mod rmcp_adapter;
mod stream;

pub use connector::StreamableHttpConnector;
pub use mcp_pool_http::BuildError;
