//! What all keys of one endpoint share.

mod breaker;
mod breaker_permit;
mod upstream;
mod upstreams;

pub(crate) use breaker::BreakerPolicy;
pub(crate) use breaker_permit::BreakerPermit;
pub(crate) use upstream::{CircuitListener, Upstream};
pub(crate) use upstreams::Upstreams;
