//! Tokens of a principal at another authority.

use std::fmt;

use async_trait::async_trait;
use http::{HeaderMap, header::AUTHORIZATION};
use mcp_pool_core::Principal;
use url::Url;

use crate::{error::OAuthError, secret::Secret};

/// Supplies the token, or the assertion, that a principal has from another authority: an identity
/// provider, a cluster, the gateway itself.
#[async_trait]
pub trait SubjectSource: Send + Sync {
    /// The token for one exchange.
    ///
    /// # Errors
    /// [`OAuthError::NoSubject`]: there is none.
    ///
    /// # Cancel safety
    /// The future is run to its end.
    async fn subject(&self, request: &SubjectRequest<'_>) -> Result<Secret, OAuthError>;
}

/// For which exchange a token is wanted. `Debug` shows the principal alone.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SubjectRequest<'a> {
    /// Whose token it is.
    pub principal: &'a Principal,
    /// The headers of the caller.
    pub caller: &'a HeaderMap,
    /// The issuer that the token is given to.
    pub issuer: &'a str,
    /// The token endpoint of that issuer.
    pub token_endpoint: &'a Url,
    /// The resource.
    pub resource: &'a str,
}

impl fmt::Debug for SubjectRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectRequest")
            .field("principal", self.principal)
            .finish_non_exhaustive()
    }
}

/// The bearer token that the caller sent to the gateway. It goes to the token endpoint and never to the
/// upstream.
#[derive(Clone, Copy, Debug, Default)]
pub struct InboundToken;

#[async_trait]
impl SubjectSource for InboundToken {
    async fn subject(&self, request: &SubjectRequest<'_>) -> Result<Secret, OAuthError> {
        let value = request.caller.get(AUTHORIZATION);
        let value = value.and_then(|value| value.to_str().ok());
        let (scheme, token) = value
            .and_then(|value| value.split_once(' '))
            .ok_or(OAuthError::NoSubject("the caller sent none"))?;
        match scheme.eq_ignore_ascii_case("bearer") {
            true => Ok(token.trim().into()),
            false => Err(OAuthError::NoSubject("the caller sent no bearer token")),
        }
    }
}

/// What a token is (RFC 8693 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenType {
    /// An access token.
    AccessToken,
    /// An ID token of OpenID Connect.
    IdToken,
    /// A JWT of another kind.
    Jwt,
}

impl TokenType {
    pub(crate) fn uri(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_bearer_token_of_the_caller_is_exchanged() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
        ] {
            let mut caller = HeaderMap::new();
            caller.insert(AUTHORIZATION, value.parse().unwrap());
            let url = "https://e.com".parse().unwrap();
            let request = SubjectRequest {
                principal: &Principal::user("alice"),
                caller: &caller,
                issuer: "https://e.com",
                token_endpoint: &url,
                resource: "https://r.com",
            };
            let subject = InboundToken.subject(&request).await;
            assert_eq!(subject.ok(), expected.map(Secret::from), "{value}");
        }
    }
}
