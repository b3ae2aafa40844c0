//! The upstreams behind a proxy.

mod inner;
mod unavailable;
mod upstream;

pub(crate) use inner::{Inner, Mode};
pub use unavailable::Unavailable;
pub use upstream::Upstream;
