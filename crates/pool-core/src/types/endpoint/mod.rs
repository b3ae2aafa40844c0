//! Upstream addresses.

mod endpoint;
mod text;

pub use endpoint::{Endpoint, EndpointError};
