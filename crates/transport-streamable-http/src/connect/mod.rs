//! From an endpoint to an open session.

mod detect;
mod era_cache;
mod era_evidence;
mod handshake;
mod negotiate;

pub(crate) use detect::Probe;
pub(crate) use era_cache::EraCache;
pub(crate) use negotiate::EraNegotiation;
