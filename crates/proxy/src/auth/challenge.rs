//! The answers to requests that are not served.

use http::{HeaderValue, Response, StatusCode, header};
use mcp_pool_identity_jwt::JwtRefusal;

use super::resource::ProtectedResource;

/// Why a request is not served.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A token without a scope that is needed.
    InsufficientScope,
    /// No token.
    NoToken,
    /// The session is unknown, or another caller's.
    OtherSession,
    /// A token that does not hold.
    Token(JwtRefusal),
    /// A token without the claim that names the user.
    Unnamed,
}

impl Refusal {
    /// The answer: a challenge where another token may help (RFC 6750, RFC 9728).
    pub(super) fn response<B: Default>(&self, resource: &ProtectedResource) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge(resource) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(KEYS_RETRY));
        }
        response
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            // As for a session that does not exist: an answer must not show which ids do.
            Self::OtherSession => StatusCode::NOT_FOUND,
            Self::Token(JwtRefusal::KeysUnavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Token(JwtRefusal::SeveralAuthorizations) => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::Token(_) | Self::Unnamed => StatusCode::UNAUTHORIZED,
        }
    }

    fn challenge(&self, resource: &ProtectedResource) -> Option<HeaderValue> {
        let error = match (self, self.status()) {
            (Self::InsufficientScope, _) => Some("insufficient_scope"),
            (Self::NoToken, _) => None,
            (_, StatusCode::UNAUTHORIZED) => Some("invalid_token"),
            _ => return None,
        };
        let mut challenge = format!("Bearer resource_metadata=\"{}\"", resource.metadata_url());
        if let Some(error) = error {
            challenge += &format!(", error=\"{error}\"");
        }
        if !resource.scopes().is_empty() {
            challenge += &format!(", scope=\"{}\"", resource.scopes().join(" "));
        }
        HeaderValue::try_from(challenge).ok()
    }
}

/// Seconds until another fetch of keys may have succeeded.
const KEYS_RETRY: &str = "5";
