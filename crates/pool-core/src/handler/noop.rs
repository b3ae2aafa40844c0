//! Handlers that do nothing.

use rmcp::model::{ClientCapabilities, ClientConfig, Implementation};

use super::factory::{ClientHandlerBox, HandlerFactory};
use crate::types::PoolKey;

/// The default factory: its handlers declare no capability, answer pings and ignore notifications.
#[derive(Clone, Debug)]
pub struct NoopHandlers {
    client: Implementation,
}

impl NoopHandlers {
    /// Handlers that send `client` as their `clientInfo`.
    #[must_use]
    pub fn new(client: Implementation) -> Self {
        Self { client }
    }
}

impl Default for NoopHandlers {
    /// `clientInfo` is `mcp-session-pool` of this version.
    fn default() -> Self {
        Self::new(default_client_info())
    }
}

impl HandlerFactory for NoopHandlers {
    fn profile(&self) -> &str {
        "noop"
    }

    fn ignores_messages(&self) -> bool {
        true
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        let client = self.client.clone();
        ClientHandlerBox::new(ClientConfig::new(ClientCapabilities::default(), client))
    }
}

/// The `clientInfo` of handlers that set none.
pub(crate) fn default_client_info() -> Implementation {
    Implementation::new("mcp-session-pool", env!("CARGO_PKG_VERSION"))
}
