#![doc = include_str!("../README.md")]

pub use mcp_pool_core::*;
#[cfg(feature = "streamable-http")]
pub use mcp_pool_transport_streamable_http::{BuildError, StreamableHttpConnector};
