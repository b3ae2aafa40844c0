//! From an endpoint to an open session.

mod detect;
mod era_evidence;
mod handshake;
mod negotiate;
mod shared_info;

pub(crate) use detect::Probe;
pub(crate) use handshake::Shared;
pub(crate) use negotiate::EraNegotiation;
