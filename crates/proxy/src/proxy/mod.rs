//! The proxy and its builder.

mod builder;
mod error;
mod proxy;

pub use builder::ProxyBuilder;
pub use error::ProxyError;
pub use proxy::Proxy;
