//! Why no token could be had.

use std::fmt;

use mcp_pool_core::error::{CredentialError, UserAction};

use crate::needed::AuthorizationNeeded;

/// Why no token could be had. Neither `Display` nor `Debug` shows a token, a code, a secret, or more of
/// a URL than its host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// The user has to authorize.
    #[error(transparent)]
    AuthorizationNeeded(#[from] AuthorizationNeeded),
    /// A host that is not reached: its address is private or reserved, or it is no host.
    #[error("the address of `{host}` is not allowed")]
    AddressNotAllowed {
        /// The host.
        host: String,
    },
    /// A URL without https, of a host that is not this machine.
    #[error("`{host}` is not reached by https")]
    NotSecure {
        /// The host.
        host: String,
    },
    /// No response came, or one that is too large.
    #[error("no response of the {step}")]
    NoResponse {
        /// Of which request.
        step: Step,
    },
    /// A response with another status than that of success.
    #[error("the {step} answered with {status}")]
    Status {
        /// Of which request.
        step: Step,
        /// The status.
        status: u16,
    },
    /// A document that is not what the standard wants.
    #[error("the {step} is not usable: {what}")]
    Unusable {
        /// Of which request.
        step: Step,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The metadata of the resource is that of another one (RFC 9728 section 3.3).
    #[error("the metadata is that of another resource")]
    OtherResource,
    /// The issuer of the metadata, or of the response, is another one (RFC 8414 section 3.3, RFC 9207).
    #[error("the issuer is another one")]
    OtherIssuer,
    /// The response lacks the issuer that its server promises (RFC 9207 section 2.4).
    #[error("the issuer is missing")]
    NoIssuer,
    /// The authorization server does not support PKCE with S256.
    #[error("the authorization server does not support PKCE with S256")]
    NoPkce,
    /// The server knows no client of ours, and none can be registered.
    #[error("no client is registered with the authorization server")]
    NoClient,
    /// The authorization server refused.
    #[error("the {step} was refused: {code}")]
    Refused {
        /// Which request.
        step: Step,
        /// Its error code, such as `invalid_grant`.
        code: ErrorCode,
    },
    /// No authorization with this state is under way, or it took too long.
    #[error("no authorization with this state is under way")]
    UnknownState,
    /// There is no token or assertion of the principal to exchange.
    #[error("no token of the principal: {0}")]
    NoSubject(&'static str),
    /// A key cannot be read, or does not sign.
    #[error("the key does not sign")]
    Signing,
    /// The store of credentials failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The work ended without an outcome, since the runtime ends.
    #[error("the request was given up")]
    GivenUp,
}

/// A request to an authorization server, or for its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The metadata of the resource (RFC 9728).
    ResourceMetadata,
    /// The metadata of the authorization server (RFC 8414, OpenID Connect Discovery).
    ServerMetadata,
    /// The registration of a client (RFC 7591).
    Registration,
    /// The authorization by the user.
    Authorization,
    /// A token request.
    Token,
    /// A token request to the identity provider of an enterprise.
    IdentityProvider,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResourceMetadata => "metadata of the resource",
            Self::ServerMetadata => "metadata of the authorization server",
            Self::Registration => "registration",
            Self::Authorization => "authorization",
            Self::Token => "token request",
            Self::IdentityProvider => "identity provider",
        })
    }
}

/// The error code of an authorization server. Shown only where it has the form of one, since the text
/// comes from the server.
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorCode(String);

impl ErrorCode {
    pub(crate) fn new(code: &str) -> Self {
        let is_code = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        match (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(is_code) {
            true => Self(code.to_owned()),
            false => Self("unknown".to_owned()),
        }
    }

    /// The code; `unknown` where the server gave none that has the form of one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_CODE: usize = 40;

impl From<OAuthError> for CredentialError {
    /// The error is the [cause](CredentialError::cause) of the credential error; where the user has to
    /// authorize, the cause is the [`AuthorizationNeeded`] itself.
    fn from(error: OAuthError) -> Self {
        match error {
            OAuthError::AuthorizationNeeded(needed) => {
                let action = UserAction::new(needed.url().clone(), needed.to_string());
                Self::of(needed).with_user_action(action)
            }
            error => Self::of(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_that_is_none_is_not_shown() {
        for (code, shown) in [
            ("invalid_grant", "invalid_grant"),
            ("", "unknown"),
            ("a token: eyJ", "unknown"),
            ("INVALID", "unknown"),
        ] {
            assert_eq!(ErrorCode::new(code).to_string(), shown);
        }
        let long = "a".repeat(MAX_CODE + 1);
        assert_eq!(ErrorCode::new(&long).as_str(), "unknown");
    }
}
