//! A server whose every byte a test decides.

mod exchange;
mod routes;
mod server;
mod session;
mod shared;

pub use exchange::Exchange;
pub use server::ScriptedServer;
