#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod caller;
mod fault;
mod naming;
mod streams;

#[cfg(feature = "jwt")]
pub mod auth;

mod session;
mod translate;
mod upstreams;

mod handler;

mod proxy;

pub use caller::Caller;
pub use fault::{Fault, Party};
pub use handler::ProxyHandler;
pub use naming::{NamePolicy, Separator};
pub use proxy::{Proxy, ProxyBuilder, ProxyError};
pub use streams::{EndingBody, StreamLayer, StreamService};
pub use upstreams::{Unavailable, Upstream};

// The public signatures name types of these crates.
pub use http_body;
pub use mcp_pool_core;
#[cfg(feature = "jwt")]
pub use mcp_pool_identity_jwt;
pub use tower;
