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
    trusts_any_issuer: bool,
}

impl RegisteredClient {
    /// A public client with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            authentication: ClientAuthentication::None,
            issuer: None,
            trusts_any_issuer: false,
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

    /// The same client, known to this issuer alone. A client without an issuer is that of every issuer which
    /// has no client of its own.
    #[must_use]
    pub fn of_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The same client, known to whichever issuer an upstream names: for upstreams that are all trusted. A
    /// client with a secret, and one that exchanges the tokens of callers, needs this or
    /// [`of_issuer`](Self::of_issuer), since an upstream could otherwise name a server of its own and
    /// get the secret or the token there.
    #[must_use]
    pub fn of_any_issuer(mut self) -> Self {
        self.issuer = None;
        self.trusts_any_issuer = true;
        self
    }

    /// True where it is settled which issuers may get what the client sends to its server.
    pub(crate) fn is_settled(&self, exchanges_tokens: bool) -> bool {
        let has_secret = matches!(
            self.authentication,
            ClientAuthentication::Secret(_)
                | ClientAuthentication::SecretBasic(_)
                | ClientAuthentication::SecretPost(_)
        );
        let needs_issuer = has_secret || exchanges_tokens;
        !needs_issuer || self.issuer.is_some() || self.trusts_any_issuer
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
