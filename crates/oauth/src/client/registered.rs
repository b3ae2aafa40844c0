//! A client that an authorization server knows.

use std::fmt;

use super::authentication::ClientAuthentication;
use crate::{discovery::ServerMetadata, secret::Secret};

/// A client that an authorization server knows: registered by hand, or dynamically.
///
/// ```
/// use mcp_pool_oauth::RegisteredClient;
/// let client = RegisteredClient::new("my-client")
///     .with_secret("pl4nted")
///     .of_issuer("https://login.example.com");
/// assert!(!format!("{client:?}").contains("pl4nted"));
/// ```
#[derive(Clone)]
pub struct RegisteredClient {
    pub(crate) id: String,
    pub(crate) authentication: ClientAuthentication,
    pub(crate) issuer: Option<String>,
}

impl RegisteredClient {
    /// A public client with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            authentication: ClientAuthentication::None,
            issuer: None,
        }
    }

    /// The same client with a secret, which it sends as the server supports it.
    #[must_use]
    pub fn with_secret(self, secret: impl Into<Secret>) -> Self {
        self.with_authentication(ClientAuthentication::Secret(secret.into()))
    }

    /// The same client, which authenticates in this way.
    #[must_use]
    pub fn with_authentication(mut self, authentication: ClientAuthentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// The same client, known to this issuer alone. Without it the client is that of every issuer
    /// which has no client of its own, and its secret goes to whichever server an upstream names: set
    /// it for each client with a secret.
    #[must_use]
    pub fn of_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The same client with an authentication that the server supports.
    pub(crate) fn for_server(mut self, server: &ServerMetadata) -> Self {
        if let ClientAuthentication::Secret(secret) = &self.authentication
            && !server.takes_authentication("client_secret_basic")
            && server.takes_authentication("client_secret_post")
        {
            self.authentication = ClientAuthentication::SecretPost(secret.clone());
        }
        self
    }
}

impl fmt::Debug for RegisteredClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredClient")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
