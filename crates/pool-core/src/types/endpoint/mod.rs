//! Upstream addresses.

mod affinity;
mod endpoint;
mod text;

pub use affinity::{AffinityError, AffinityScope};
pub use endpoint::{Endpoint, EndpointError};
