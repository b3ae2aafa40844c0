//! Settings of a credential source.

use std::{fmt, sync::Arc};

use mcp_pool_http::client_builder;
use reqwest::ClientBuilder;
use url::Url;

use super::{
    credentials::OAuthCredentials,
    engine::{Engine, Settings},
};
use crate::{
    client::RegisteredClient,
    dpop::DpopKey,
    grant::Grant,
    net::HttpClient,
    store::{CredentialStore, MemoryStore},
};

/// Why a source was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The HTTP client was not built.
    #[error(transparent)]
    Client(#[from] mcp_pool_http::BuildError),
    /// A client with a secret, or one that exchanges the tokens of callers, has no issuer. It would go to
    /// whichever server an upstream names.
    #[error(
        "the client has no issuer: set `of_issuer`, or `of_any_issuer` where all upstreams are trusted"
    )]
    ClientWithoutIssuer,
    /// The URL of the client's metadata is not https, or has no path.
    #[error("the metadata of a client has an https URL with a path")]
    MetadataDocument,
}

/// Settings of [`OAuthCredentials`].
#[must_use = "call build"]
pub struct OAuthBuilder {
    settings: Settings,
    store: Arc<dyn CredentialStore>,
    http: Box<dyn Fn() -> ClientBuilder + Send + Sync>,
    allows_private: bool,
}

impl OAuthCredentials {
    /// Builds a source whose tokens are obtained in this way.
    pub fn builder(grant: Grant) -> OAuthBuilder {
        OAuthBuilder::new(grant)
    }
}

impl OAuthBuilder {
    fn new(grant: Grant) -> Self {
        Self {
            settings: Settings {
                grant,
                clients: Vec::new(),
                metadata_document: None,
                registers: true,
                client_name: "mcp-session-pool".to_owned(),
                scopes: Vec::new(),
                key: None,
                step_up_limit: STEP_UPS,
            },
            store: Arc::new(MemoryStore::default()),
            http: Box::new(client_builder),
            allows_private: false,
        }
    }

    /// Adds a client that an authorization server knows. It comes before the other ways.
    pub fn client(mut self, client: RegisteredClient) -> Self {
        self.settings.clients.push(client);
        self
    }

    /// Sets the URL of the document that describes the client, which servers that support it take for its
    /// id. It comes before dynamic registration.
    pub fn client_metadata_document(mut self, url: Url) -> Self {
        self.settings.metadata_document = Some(url);
        self
    }

    /// Sets whether a client is registered dynamically where a server knows none. Default: true, for the
    /// authorization code grant.
    pub fn dynamic_registration(mut self, registers: bool) -> Self {
        self.settings.registers = registers;
        self
    }

    /// Sets the name that users see when they authorize. Default: `mcp-session-pool`.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.settings.client_name = name.into();
        self
    }

    /// Sets scopes that are always requested. Default: none, so that the challenge of the upstream, or
    /// else its metadata, decides.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.settings.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Binds tokens to a key, where the authorization server supports it (DPoP).
    pub fn dpop(mut self, key: DpopKey) -> Self {
        self.settings.key = Some(key);
        self
    }

    /// Sets how often scopes are added to the token of a principal for an endpoint within ten minutes.
    /// Default: 3. At the limit callers get the refusal of the upstream.
    pub fn step_up_limit(mut self, limit: usize) -> Self {
        self.settings.step_up_limit = limit;
        self
    }

    /// Sets the store of tokens. Default: in memory.
    pub fn store(mut self, store: impl CredentialStore + 'static) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Allows authorization servers with private addresses. Default: false, since their URLs come from
    /// upstreams. Those of this machine are reached for upstreams on it alone.
    pub fn allow_private_addresses(mut self, allows: bool) -> Self {
        self.allows_private = allows;
        self
    }

    /// Sets what builds the HTTP client for authorization servers. Its redirect policy and its resolver
    /// of names are replaced. A proxy resolves names itself: it has to check addresses itself, too.
    pub fn http_client(
        mut self,
        build: impl Fn() -> ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.http = Box::new(build);
        self
    }

    /// Builds the source.
    ///
    /// # Errors
    /// [`BuildError`]: a setting is not usable.
    pub fn build(self) -> Result<OAuthCredentials, BuildError> {
        let document = self.settings.metadata_document.as_ref();
        if document.is_some_and(|url| url.scheme() != "https" || url.path() == "/") {
            return Err(BuildError::MetadataDocument);
        }
        let exchanges = matches!(self.settings.grant, Grant::TokenExchange(_));
        let mut clients = self.settings.clients.iter();
        if !clients.all(|client| client.is_settled(exchanges)) {
            return Err(BuildError::ClientWithoutIssuer);
        }
        Ok(OAuthCredentials::of(Engine {
            http: HttpClient::new(&*self.http, self.allows_private)?,
            settings: self.settings,
            store: self.store,
            accounts: Default::default(),
            registrations: Default::default(),
        }))
    }
}

impl fmt::Debug for OAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthBuilder")
            .field("grant", &self.settings.grant)
            .finish_non_exhaustive()
    }
}

/// "No more than a few times" (revision 2026-07-28, authorization).
const STEP_UPS: usize = 3;
