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
