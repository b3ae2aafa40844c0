//! Upstream addresses.

use std::{
    fmt,
    hash::{Hash, Hasher},
    num::NonZeroU32,
    sync::Arc,
};

use url::{Host, Url};

use super::affinity_scope::Affinity;
use crate::types::{digest::DigestKey, era::Lifecycle, transport_kind::TransportKind};

/// An upstream: a canonical URL, a transport and, optionally, the gateway entry it belongs to.
///
/// Cheap to clone. The URL is canonical in the sense of the WHATWG URL standard: the scheme and
/// host in lower case, a default port left out, dot segments resolved; a trailing dot of the host
/// is dropped. Two endpoints that differ in URL (query included), transport, gateway id, lifecycle or
/// client never share a session; those that differ in other settings alone do.
///
/// `Display` and `Debug` show the URL without its query, since queries carry secrets.
///
/// ```
/// use mcp_pool_core::Endpoint;
/// let endpoint = Endpoint::streamable_http("HTTPS://Example.COM:443/a/../mcp?key=secret")?;
/// assert_eq!(endpoint.to_string(), "https://example.com/mcp");
/// # Ok::<(), mcp_pool_core::error::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct Endpoint(pub(super) Arc<Inner>);

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Inner {
    pub(super) url: Url,
    /// Follows from the URL and the gateway.
    pub(super) upstream: Box<str>,
    pub(super) transport: TransportKind,
    pub(super) gateway: Option<Box<str>>,
    pub(super) lifecycle: Lifecycle,
    pub(super) shareable: bool,
    pub(super) slots: Option<NonZeroU32>,
    pub(super) min_idle: Option<usize>,
    pub(super) max_calls: Option<NonZeroU32>,
    pub(super) max_sessions: Option<NonZeroU32>,
    pub(super) client: Option<Box<str>>,
    pub(super) trusts_tool_hints: bool,
    pub(super) shares_cookies: bool,
    pub(super) affinity: Option<Affinity>,
}

impl Endpoint {
    /// An endpoint that is reached over the given transport.
    ///
    /// # Errors
    /// - [`EndpointError::Syntax`]: `url` is no absolute URL.
    /// - [`EndpointError::Credentials`]: the URL holds a user name or password.
    /// - [`EndpointError::Fragment`]: the URL has a fragment, which never reaches a server.
    pub fn new(url: &str, transport: TransportKind) -> Result<Self, EndpointError> {
        let url = canonical(url)?;
        Ok(Self(Arc::new(Inner {
            upstream: upstream_name(&url),
            url,
            transport,
            gateway: None,
            lifecycle: Lifecycle::Auto,
            shareable: false,
            slots: None,
            min_idle: None,
            max_calls: None,
            max_sessions: None,
            client: None,
            trusts_tool_hints: false,
            shares_cookies: false,
            affinity: None,
        })))
    }

    /// An endpoint whose transport the pool detects.
    ///
    /// The pool queries its connectors in the order in which they were added, until one supports
    /// the server: see [`Connector::detect`](crate::extend::Connector::detect). Add Streamable HTTP
    /// before HTTP+SSE, as the specification's rule of backwards compatibility has it (revision
    /// 2025-11-25, transports). The pool remembers the transport by URL for
    /// [`detected_transport_ttl`](crate::config::TimeoutsConfig::detected_transport_ttl), and
    /// detects again at once when the server denies it. Keys have the detected transport.
    ///
    /// # Errors
    /// As [`Endpoint::new`].
    pub fn auto(url: &str) -> Result<Self, EndpointError> {
        Self::new(url, TransportKind::AUTO)
    }

    /// An endpoint that speaks Streamable HTTP.
    ///
    /// # Errors
    /// As [`Endpoint::new`].
    pub fn streamable_http(url: &str) -> Result<Self, EndpointError> {
        Self::new(url, TransportKind::STREAMABLE_HTTP)
    }

    /// An endpoint that speaks HTTP+SSE of revision 2024-11-05; `url` is that of the stream.
    ///
    /// # Errors
    /// As [`Endpoint::new`].
    pub fn sse(url: &str) -> Result<Self, EndpointError> {
        Self::new(url, TransportKind::SSE)
    }

    /// The canonical URL, query included. Do not log it; log the endpoint itself.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &TransportKind {
        &self.0.transport
    }

    /// The gateway entry, if one was named.
    #[must_use]
    pub fn gateway(&self) -> Option<&str> {
        self.0.gateway.as_deref()
    }

    /// The host name or address; what follows the scheme where a URL is no more than a name, such as
    /// `memory` in `stdio:memory`.
    #[must_use]
    pub fn host(&self) -> &str {
        host(&self.0.url)
    }

    /// The port, the scheme's own where the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.url.port_or_known_default().unwrap_or_default()
    }

    /// `host` or `host:port`, for labels of low cardinality.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.host();
        match self.0.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// A name of the upstream for labels of metrics and alerts, equal in every process: that of the
    /// [gateway entry](Self::gateway), or host, port and a short digest of the path, such as
    /// `example.com:443/8f1c02ab`. Two paths of one host are two upstreams; queries make no difference.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.0.upstream
    }

    /// True where the transport is detected.
    pub(crate) fn is_auto(&self) -> bool {
        self.0.transport == TransportKind::AUTO
    }

    /// The same endpoint over this transport.
    pub(crate) fn over(self, transport: &TransportKind) -> Self {
        self.change(|inner| inner.transport = transport.clone())
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Endpoint {}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.0.url;
        match url.has_host() {
            true => write!(f, "{}://{}{}", url.scheme(), self.authority(), url.path()),
            false => write!(f, "{}:{}", url.scheme(), url.path()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &format_args!("{self}"))
            .field("transport", &self.0.transport)
            .field("gateway", &self.0.gateway)
            .finish_non_exhaustive()
    }
}

/// Why a URL is not usable as an endpoint. The caller's fault, always; no part of the URL is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The text holds a user name or password; credentials belong into headers.
    #[error("endpoint url: holds a user name or password; send credentials as headers")]
    Credentials,
    /// The text has a fragment, which is never sent to a server.
    #[error("endpoint url: has a fragment, which is never sent to a server")]
    Fragment,
    /// The text is no absolute URL.
    #[error("endpoint url: not an absolute url: {0}")]
    Syntax(url::ParseError),
}

fn host(url: &Url) -> &str {
    match url.cannot_be_a_base() {
        true => url.path(),
        false => url.host_str().unwrap_or_default(),
    }
}

/// The name of the upstream behind a URL. A path may hold a secret, so that its digest is short.
fn upstream_name(url: &Url) -> Box<str> {
    let mut name = host(url).to_owned();
    if let Some(port) = url.port_or_known_default() {
        name += &format!(":{port}");
    }
    if !url.cannot_be_a_base() && !matches!(url.path(), "" | "/") {
        let digest = DigestKey::portable().digest("upstream-path");
        let digest = digest.field(url.path().as_bytes()).finish();
        name.push('/');
        for byte in &digest.as_bytes()[..PATH_DIGEST] {
            name += &format!("{byte:02x}");
        }
    }
    name.into()
}

/// Bytes of the digest of a path.
const PATH_DIGEST: usize = 4;

/// Parses and canonicalises a URL.
fn canonical(text: &str) -> Result<Url, EndpointError> {
    let mut url = Url::parse(text).map_err(EndpointError::Syntax)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(EndpointError::Fragment);
    }
    if let Some(Host::Domain(domain)) = url.host()
        && let Some(bare) = domain.strip_suffix('.')
    {
        let bare = bare.to_owned();
        url.set_host(Some(&bare)).map_err(EndpointError::Syntax)?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_url_are_one_endpoint() {
        let plain = Endpoint::streamable_http("https://example.com/mcp").unwrap();
        for spelling in [
            "HTTPS://EXAMPLE.com/mcp",
            "https://example.com:443/mcp",
            "https://example.com./mcp",
            "https://example.com/a/../mcp",
        ] {
            assert_eq!(
                Endpoint::streamable_http(spelling).unwrap(),
                plain,
                "{spelling}"
            );
        }
    }

    #[test]
    fn whatever_a_server_can_tell_apart_is_another_endpoint() {
        let plain = Endpoint::streamable_http("https://example.com/mcp").unwrap();
        for other in [
            Endpoint::streamable_http("http://example.com/mcp").unwrap(),
            Endpoint::streamable_http("https://example.com:8443/mcp").unwrap(),
            Endpoint::streamable_http("https://example.com/mcp/").unwrap(),
            Endpoint::streamable_http("https://example.com/MCP").unwrap(),
            Endpoint::streamable_http("https://example.com/mcp?tenant=a").unwrap(),
            Endpoint::sse("https://example.com/mcp").unwrap(),
            plain.clone().with_gateway("g"),
            plain.clone().with_lifecycle(Lifecycle::Legacy),
        ] {
            assert_ne!(other, plain, "{other:?}");
        }
    }

    #[test]
    fn each_unusable_url_has_its_own_error() {
        let error = |url| Endpoint::streamable_http(url).unwrap_err();
        assert_eq!(
            error("https://user:pw@example.com/"),
            EndpointError::Credentials
        );
        assert_eq!(
            error("https://user@example.com/"),
            EndpointError::Credentials
        );
        assert_eq!(error("https://example.com/#part"), EndpointError::Fragment);
        assert!(matches!(error("/mcp"), EndpointError::Syntax(_)));
    }

    #[test]
    fn a_url_that_is_a_name_has_the_name_for_a_host() {
        for (url, host) in [
            ("stdio:memory", "memory"),
            ("stdio:memory?key=sekret", "memory"),
            ("unix:/run/mcp.sock", ""),
            ("https://example.com:8443/mcp", "example.com"),
        ] {
            let endpoint = Endpoint::new(url, TransportKind::new("own")).unwrap();
            assert_eq!(endpoint.host(), host, "{url}");
        }
    }

    #[test]
    fn an_upstream_is_named_by_its_gateway_or_else_by_host_port_and_path() {
        let name = |url: &str| {
            let endpoint = Endpoint::new(url, TransportKind::new("own")).unwrap();
            endpoint.upstream().to_owned()
        };
        assert_eq!(name("https://example.com"), "example.com:443");
        assert_eq!(name("http://example.com:81/"), "example.com:81");
        assert_eq!(name("stdio:memory"), "memory");
        let path = name("https://example.com/sekret/mcp");
        assert_eq!(path.len(), "example.com:443/".len() + 2 * PATH_DIGEST);
        assert!(!path.contains("sekret"));
        assert_eq!(name("https://example.com/sekret/mcp?key=a"), path);
        assert_ne!(name("https://example.com/other/mcp"), path);
        let endpoint = Endpoint::sse("https://example.com/mcp").unwrap();
        let over = endpoint.clone().over(&TransportKind::STREAMABLE_HTTP);
        assert_eq!(over.upstream(), endpoint.upstream());
        assert_eq!(endpoint.with_gateway("search").upstream(), "search");
    }

    #[test]
    fn a_query_is_never_shown() {
        let endpoint = Endpoint::streamable_http("https://example.com/mcp?key=sekret").unwrap();
        assert!(!format!("{endpoint} {endpoint:?}").contains("sekret"));
    }
}
