//! A server that writes HTTP by hand, so that it can break off anywhere.

mod converse;
mod http;
mod line;
mod reply;
mod request;
mod server;
mod shared;
mod socket;
mod streams;

pub(crate) use line::{Accepts, Line};
pub use reply::Reply;
pub use request::RawRequest;
pub use server::RawServer;
pub(crate) use socket::Handshake;
#[cfg(feature = "tls")]
pub(crate) use socket::{Duplex, Socket};
