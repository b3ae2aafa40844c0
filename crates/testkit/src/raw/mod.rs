//! A server that writes HTTP by hand, so that it can break off anywhere.

mod http;
mod reply;
mod request;
mod server;
mod streams;

pub use reply::Reply;
pub use request::RawRequest;
pub use server::RawServer;
