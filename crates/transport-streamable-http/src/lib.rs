#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod known_stream;
mod limits;

mod era_cache;

mod request;
mod response;

mod parked;

mod session;

mod connect;

mod connector;

pub use connector::StreamableHttpConnector;
pub use mcp_pool_http::BuildError;
pub use reqwest;
