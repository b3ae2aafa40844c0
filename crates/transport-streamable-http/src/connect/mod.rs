//! From an endpoint to an open session.

mod discover;
mod era_evidence;
mod first_request;
mod handshake;
mod negotiate;
mod revive;
mod shared_info;

pub(crate) use handshake::Shared;
pub(crate) use negotiate::EraNegotiation;
pub(crate) use revive::revive;
pub(crate) use shared_info::SharedInfo;
