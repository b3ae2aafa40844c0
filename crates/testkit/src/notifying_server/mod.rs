//! A real MCP server that sends notifications and requests to its clients.

mod handler;
mod server;
mod state;

pub use server::NotifyingServer;
