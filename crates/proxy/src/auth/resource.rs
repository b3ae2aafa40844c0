//! The description of a gateway as a resource that needs a token.

use serde_json::{Value, json};
use url::Url;

/// A gateway as a resource that needs a token, as the authorization specification wants it described
/// (RFC 9728): its own address, who issues tokens for it, and their scopes.
///
/// ```
/// use mcp_pool_proxy::auth::ProtectedResource;
/// let gateway: url::Url = "https://gateway.example/mcp".parse()?;
/// let resource = ProtectedResource::new(gateway)
///     .authorization_server("https://issuer.example/")
///     .scope("tools");
/// assert_eq!(
///     resource.metadata_url().as_str(),
///     "https://gateway.example/.well-known/oauth-protected-resource/mcp",
/// );
/// # Ok::<(), url::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    resource: Url,
    authorization_servers: Vec<String>,
    scopes: Vec<String>,
}

impl ProtectedResource {
    /// The resource at this address: that of the MCP endpoint, as clients see it. Query and fragment
    /// are left out.
    #[must_use]
    pub fn new(mut resource: Url) -> Self {
        resource.set_query(None);
        resource.set_fragment(None);
        Self {
            resource,
            authorization_servers: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// Adds an issuer of tokens.
    #[must_use]
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Self {
        self.authorization_servers.push(issuer.into());
        self
    }

    /// Adds a scope that a token must have.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Where clients look for the description: [`metadata`](Self::metadata) belongs there.
    #[must_use]
    pub fn metadata_url(&self) -> Url {
        let mut url = self.resource.clone();
        url.set_path(&self.metadata_path());
        url
    }

    /// The path of [`metadata_url`](Self::metadata_url), for a router.
    #[must_use]
    pub fn metadata_path(&self) -> String {
        format!("{WELL_KNOWN}{}", self.resource.path().trim_end_matches('/'))
    }

    /// The host that clients name, for a server that refuses others against DNS rebinding.
    #[must_use]
    pub fn host(&self) -> &str {
        self.resource.host_str().unwrap_or_default()
    }

    /// The description, as JSON.
    #[must_use]
    pub fn metadata(&self) -> Value {
        json!({
            "resource": self.resource.as_str(),
            "authorization_servers": self.authorization_servers,
            "bearer_methods_supported": ["header"],
            "scopes_supported": self.scopes,
        })
    }

    pub(super) fn scopes(&self) -> &[String] {
        &self.scopes
    }
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
