//! The metadata of an authorization server (RFC 8414, OpenID Connect Discovery).

use serde::Deserialize;
use url::Url;

use super::{locations, null::or_default};
use crate::{
    error::{OAuthError, Step},
    net::{HttpClient, Reach},
};

/// The metadata of an authorization server.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ServerMetadata {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Option<Url>,
    pub(crate) token_endpoint: Url,
    pub(crate) registration_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) scopes_supported: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    code_challenge_methods_supported: Vec<String>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) client_id_metadata_document_supported: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) authorization_response_iss_parameter_supported: bool,
    #[serde(default, deserialize_with = "or_default")]
    dpop_signing_alg_values_supported: Vec<String>,
    /// True where the server published nothing and its endpoints are those of revision 2025-03-26.
    #[serde(skip)]
    is_assumed: bool,
}

impl ServerMetadata {
    /// Fetches the metadata of an issuer that a resource names. `None`: there is none.
    pub(super) async fn fetch(
        http: &HttpClient,
        reach: Reach,
        issuer: &str,
    ) -> Result<Option<Self>, OAuthError> {
        let metadata = Self::read(http, reach, issuer).await?;
        let is_same = |it: &Self| is_same_issuer(&it.issuer, issuer);
        checked(metadata, is_same)
    }

    /// Fetches the metadata on the origin of an endpoint, whose server names no issuer (revision
    /// 2025-03-26). The issuer is any on that origin. `None`: there is none.
    pub(super) async fn fetch_at(
        http: &HttpClient,
        reach: Reach,
        endpoint: &Url,
    ) -> Result<Option<Self>, OAuthError> {
        let origin = endpoint.origin();
        let metadata = Self::read(http, reach, &origin.ascii_serialization()).await?;
        let origin_of = |it: &Self| it.issuer.parse().map(|it: Url| it.origin());
        checked(metadata, |it| origin_of(it) == Ok(origin))
    }

    async fn read(
        http: &HttpClient,
        reach: Reach,
        issuer: &str,
    ) -> Result<Option<Self>, OAuthError> {
        let url: Url = issuer.parse().map_err(|_| OAuthError::Unusable {
            step: Step::ResourceMetadata,
            what: "an issuer in it is no URL",
        })?;
        for url in locations::of_issuer(&url) {
            let answer = http.get(reach, &url, STEP).await?;
            if answer.status.is_server_error() {
                let status = answer.status.as_u16();
                return Err(OAuthError::Status { step: STEP, status });
            }
            if let Ok(metadata) = answer.document::<Self>(STEP) {
                return metadata.reachable(reach).map(Some);
            }
        }
        Ok(None)
    }

    /// The endpoints of a server that publishes nothing (revision 2025-03-26, authorization: default
    /// endpoints).
    pub(super) fn assumed(endpoint: &Url) -> Self {
        let at = |path| locations::at(endpoint, path);
        Self {
            issuer: endpoint.origin().ascii_serialization(),
            authorization_endpoint: Some(at("/authorize")),
            token_endpoint: at("/token"),
            registration_endpoint: Some(at("/register")),
            scopes_supported: Vec::new(),
            code_challenge_methods_supported: vec![S256.to_owned()],
            token_endpoint_auth_methods_supported: None,
            client_id_metadata_document_supported: false,
            authorization_response_iss_parameter_supported: false,
            dpop_signing_alg_values_supported: Vec::new(),
            is_assumed: true,
        }
    }

    /// Checks the addresses.
    fn reachable(self, reach: Reach) -> Result<Self, OAuthError> {
        let optional = [&self.authorization_endpoint, &self.registration_endpoint];
        for url in optional.into_iter().flatten() {
            reach.check(url)?;
        }
        reach.check(&self.token_endpoint)?;
        Ok(self)
    }

    /// Checks that the server supports PKCE with S256: a server that does not announce it does not.
    pub(crate) fn check_pkce(&self) -> Result<(), OAuthError> {
        let methods = &self.code_challenge_methods_supported;
        match methods.iter().any(|method| method == S256) {
            true => Ok(()),
            false => Err(OAuthError::NoPkce),
        }
    }

    /// Whether the server takes proofs of possession that our key can make.
    pub(crate) fn takes_proofs(&self) -> bool {
        let algorithms = &self.dpop_signing_alg_values_supported;
        algorithms.iter().any(|algorithm| algorithm == "ES256")
    }

    /// Whether the client authenticates at the token endpoint in this way.
    pub(crate) fn takes_authentication(&self, method: &str) -> bool {
        match &self.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().any(|known| known == method),
            // The default of RFC 8414 section 2.
            None => method == "client_secret_basic" || self.is_assumed,
        }
    }
}

/// Checks the issuer (RFC 8414 section 3.3).
fn checked(
    metadata: Option<ServerMetadata>,
    is_it: impl FnOnce(&ServerMetadata) -> bool,
) -> Result<Option<ServerMetadata>, OAuthError> {
    match metadata {
        Some(metadata) if !is_it(&metadata) => Err(OAuthError::OtherIssuer),
        metadata => Ok(metadata),
    }
}

/// Whether two issuers are one. They are compared as text; an origin may end with a slash or not.
fn is_same_issuer(one: &str, other: &str) -> bool {
    let origin = |issuer: &str| {
        let url: Url = issuer.parse().ok()?;
        let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        is_origin.then(|| issuer.trim_end_matches('/').to_owned())
    };
    one == other || origin(one).is_some_and(|one| Some(one) == origin(other))
}

const S256: &str = "S256";
const STEP: Step = Step::ServerMetadata;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_compared_as_text() {
        assert!(is_same_issuer("https://e.com/a", "https://e.com/a"));
        assert!(is_same_issuer("https://e.com", "https://e.com/"));
        for other in [
            "https://e.com/a/",
            "https://E.com/a",
            "https://e.com:443/a",
            "https://e.com/A",
            "https://e.com",
            "",
        ] {
            assert!(!is_same_issuer("https://e.com/a", other), "{other}");
        }
        assert!(!is_same_issuer("https://e.com", "https://e.com?a"));
    }

    #[test]
    fn a_server_that_does_not_announce_s256_is_refused() {
        let of = |methods: &str| {
            let text = format!(
                r#"{{"issuer":"https://e.com","token_endpoint":"https://e.com/t"{methods}}}"#
            );
            let metadata: ServerMetadata = serde_json::from_str(&text).unwrap();
            metadata.check_pkce()
        };
        assert_eq!(of(""), Err(OAuthError::NoPkce));
        let plain = r#","code_challenge_methods_supported":["plain"]"#;
        assert_eq!(of(plain), Err(OAuthError::NoPkce));
        let both = r#","code_challenge_methods_supported":["plain","S256"]"#;
        assert_eq!(of(both), Ok(()));
    }
}
