//! Upstream addresses.

mod endpoint;
mod settings;
mod text;

pub use endpoint::{Endpoint, EndpointError};
