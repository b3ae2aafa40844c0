//! A server whose every byte a test decides.

mod admit;
mod exchange;
mod front;
mod routes;
mod server;
mod session;
mod shared;

pub use exchange::Exchange;
pub use front::{Front, HttpRequest};
pub use server::ScriptedServer;
