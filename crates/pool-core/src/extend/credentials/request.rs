//! For which request credentials are wanted.

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use crate::{
    error::Challenge,
    types::{Endpoint, PoolKey, Principal},
    wire::CallContext,
};

/// For which request credentials are wanted.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct CredentialRequest<'a> {
    /// The key of the session that sends the request: its principal, identity and scope.
    pub key: &'a PoolKey,
    /// Where the request goes. Never hand out a credential that was not meant for it.
    pub endpoint: &'a Endpoint,
    /// What the request is for.
    pub kind: RequestKind,
    /// Its method and URL; `None` for a transport without HTTP, and where nothing is sent.
    pub http: Option<HttpTarget<'a>>,
    /// The headers of the caller that the request is made for; for the pool's own requests (closing
    /// a session, for example) the newest.
    pub caller: &'a Arc<HeaderMap>,
    /// Whether the caller's own credential is known to have ended.
    pub caller_has_ended: bool,
    /// The newest headers that were seen for the same key, and so for the same identity: those
    /// that end last where that is known, otherwise those of the newest acquire.
    pub newest: &'a Arc<HeaderMap>,
    /// The headers that the endpoint has just refused, when this is a repetition.
    pub rejected: Option<&'a Arc<HeaderMap>>,
    /// How it refused them, when this is a repetition.
    pub refusal: Option<&'a CredentialRefusal>,
    /// The last nonce that the endpoint gave for proofs of possession (`DPoP-Nonce`, RFC 9449 section
    /// 8), in a response with any status.
    pub nonce: Option<&'a HeaderValue>,
}

impl<'a> CredentialRequest<'a> {
    /// The principal that the request is made for; anonymous on a shared session.
    #[must_use]
    pub fn principal(&self) -> &'a Principal {
        self.key.principal()
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestKind {
    /// A call of a caller.
    Call,
    /// A request of the session itself: its handshake, stream, notifications and end.
    Session,
}

/// The method and the URL of a request.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct HttpTarget<'a> {
    /// The method.
    pub method: &'a Method,
    /// The whole URL. Do not log it.
    pub url: &'a Url,
}

impl<'a> HttpTarget<'a> {
    /// A request with this method to this URL.
    #[must_use]
    pub fn new(method: &'a Method, url: &'a Url) -> Self {
        Self { method, url }
    }
}

/// A request of a transport, for which it wants credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestTarget<'a> {
    pub(crate) http: Option<HttpTarget<'a>>,
    pub(crate) call: Option<&'a CallContext>,
}

impl<'a> RequestTarget<'a> {
    /// A request over HTTP that the transport makes of its own accord.
    #[must_use]
    pub fn http(method: &'a Method, url: &'a Url) -> Self {
        Self {
            http: Some(HttpTarget::new(method, url)),
            call: None,
        }
    }

    /// The same request, to another URL.
    #[must_use]
    pub fn at(mut self, url: &'a Url) -> Self {
        if let Some(http) = &mut self.http {
            http.url = url;
        }
        self
    }

    /// The same request for a call: the context that came with it.
    #[must_use]
    pub fn for_call(mut self, call: Option<&'a CallContext>) -> Self {
        self.call = call;
        self
    }

    /// The context of the call, where it is one.
    #[must_use]
    pub fn call(&self) -> Option<&'a CallContext> {
        self.call
    }

    /// The URL, of a request over HTTP.
    #[must_use]
    pub fn url(&self) -> Option<&'a Url> {
        Some(self.http?.url)
    }
}

/// How an endpoint refused the credentials of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialRefusal {
    /// 401, or 403 with the challenge `insufficient_scope`.
    pub status: StatusCode,
    /// What the endpoint demands: `resource_metadata`, `scope`, `error`.
    pub challenge: Challenge,
}

impl CredentialRefusal {
    /// The refusal in a response: 401, or 403 with the challenge `insufficient_scope`. `None` for any
    /// other response.
    #[must_use]
    pub fn of_response(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        if status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN {
            return None;
        }
        let challenge = Challenge::from_headers(headers);
        let is_refusal = status == StatusCode::UNAUTHORIZED || challenge.is_insufficient_scope();
        is_refusal.then_some(Self { status, challenge })
    }

    /// True where the credential holds and lacks a scope.
    #[must_use]
    pub fn is_insufficient_scope(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
    }

    /// True where the credential holds and its proof of possession lacks a nonce (RFC 9449 section 9).
    #[must_use]
    pub fn wants_nonce(&self) -> bool {
        self.challenge.parameter("error") == Some("use_dpop_nonce")
    }

    /// True where the credential itself is refused.
    #[must_use]
    pub fn is_of_credential(&self) -> bool {
        !self.is_insufficient_scope() && !self.wants_nonce()
    }
}

impl fmt::Debug for CredentialRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRequest")
            .field("key", self.key)
            .field("kind", &self.kind)
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTarget")
            .field("method", self.method)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn a_refusal_of_credentials_is_a_401_or_a_lack_of_scope() {
        let of = |status: u16, challenge: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
            CredentialRefusal::of_response(StatusCode::from_u16(status).unwrap(), &headers)
        };
        let scope = r#"Bearer error="insufficient_scope", scope="a b""#;
        let lacking = of(403, scope).expect("a refusal");
        assert!(lacking.is_insufficient_scope() && !lacking.is_of_credential());
        assert_eq!(lacking.challenge.scopes().collect::<Vec<_>>(), ["a", "b"]);
        let refused = of(401, scope).expect("a refusal");
        assert!(refused.is_of_credential() && !refused.wants_nonce());
        let nonce = of(401, r#"DPoP error="use_dpop_nonce""#).expect("a refusal");
        assert!(nonce.wants_nonce() && !nonce.is_of_credential());
        for (status, challenge) in [(403, "Bearer"), (400, scope), (200, scope), (407, scope)] {
            assert_eq!(of(status, challenge), None, "{status}");
        }
    }
}
