//! How sessions are opened.

mod connector;
mod handshake;
mod plan;
mod revisions;

pub use connector::StdioConnector;
