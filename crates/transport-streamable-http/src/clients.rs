//! The HTTP clients that all sessions of a connector share.

use mcp_pool_http::{BuildError, client, client_builder};

/// The HTTP clients that all sessions of a connector share.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) calls: reqwest::Client,
    /// For streams that stay open. A server limits the streams of one HTTP/2 connection, often to
    /// 100: open streams on the connection of the calls would leave no room for these.
    pub(crate) streams: reqwest::Client,
}

impl Clients {
    /// The default clients.
    pub(crate) fn new() -> Result<Self, BuildError> {
        Ok(Self {
            calls: client(client_builder())?,
            streams: client(client_builder().http1_only())?,
        })
    }

    /// One client from this builder, for everything.
    pub(crate) fn of(builder: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        let client = client(builder)?;
        Ok(Self {
            streams: client.clone(),
            calls: client,
        })
    }
}
