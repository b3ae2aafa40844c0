//! Upstream addresses.

mod affinity;
mod affinity_scope;
mod cookies;
mod endpoint;
mod settings;
mod text;

pub use affinity_scope::{AffinityError, AffinityScope};
pub use endpoint::{Endpoint, EndpointError};
