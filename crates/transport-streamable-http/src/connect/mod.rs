//! From an endpoint to an open session.

mod era_evidence;
mod handshake;
mod negotiate;
mod shared_info;

pub(crate) use handshake::Shared;
pub(crate) use negotiate::EraNegotiation;
