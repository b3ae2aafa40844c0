//! OAuth settings of the file.

use std::fmt;

use mcp_pool_core::url::Url;

/// OAuth settings of the file, by name: how the upstreams that name them get their tokens. Plain data:
/// the source of the tokens is made from them elsewhere, and given to
/// [`UpstreamCredentials::with_source`](crate::UpstreamCredentials::with_source).
#[derive(Clone, Debug)]
pub struct OAuthSettings {
    pub(crate) name: String,
    pub(crate) grant: OAuthGrant,
    pub(crate) clients: Vec<OAuthClient>,
    pub(crate) client_name: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) client_metadata_document: Option<Url>,
    pub(crate) dynamic_registration: Option<bool>,
    pub(crate) step_up_limit: Option<usize>,
    pub(crate) allow_private_addresses: bool,
}

/// How tokens are obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OAuthGrant {
    /// Each user authorizes in a browser.
    AuthorizationCode {
        /// Where the browser comes back to.
        redirect_uri: Url,
    },
    /// The client has tokens of its own.
    ClientCredentials,
    /// The token that the caller sent to the gateway is exchanged.
    TokenExchange {
        /// The audience, for servers that know resources by a name.
        audience: Option<String>,
    },
}

/// A client that an authorization server knows. `Debug` shows its issuer alone.
#[derive(Clone)]
pub struct OAuthClient {
    pub(crate) id: String,
    pub(crate) issuer: Option<String>,
    pub(crate) secret: Option<String>,
}

impl OAuthSettings {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How tokens are obtained.
    #[must_use]
    pub fn grant(&self) -> &OAuthGrant {
        &self.grant
    }

    /// The clients that authorization servers know.
    #[must_use]
    pub fn clients(&self) -> &[OAuthClient] {
        &self.clients
    }

    /// The name that users see when they authorize; `None` for the default.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    /// The scopes that are always requested.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The URL of the document that describes the client.
    #[must_use]
    pub fn client_metadata_document(&self) -> Option<&Url> {
        self.client_metadata_document.as_ref()
    }

    /// Whether a client is registered dynamically where a server knows none; `None` for the default.
    #[must_use]
    pub fn dynamic_registration(&self) -> Option<bool> {
        self.dynamic_registration
    }

    /// How often scopes are added to a token within ten minutes; `None` for the default.
    #[must_use]
    pub fn step_up_limit(&self) -> Option<usize> {
        self.step_up_limit
    }

    /// Whether authorization servers may have private addresses. Default: false.
    #[must_use]
    pub fn allows_private_addresses(&self) -> bool {
        self.allow_private_addresses
    }
}

impl OAuthClient {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The authorization server that knows it. A client with a secret has one.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The secret that its reference stands for. Do not log it.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
