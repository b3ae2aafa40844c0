//! The credential source.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_pool_core::{
    Endpoint, Principal,
    error::CredentialError,
    extend::{CredentialRequest, CredentialSource},
};

use super::engine::Engine;
use crate::{account::AccountKey, error::OAuthError, flow::AuthorizationResponse};

/// OAuth credentials of upstreams, a token for each principal and endpoint. Cheap to clone.
///
/// As the pool's `CredentialSource` it sends no header of the caller that authenticates it at the
/// gateway, and the token of the principal instead. The first request of a principal is sent without a
/// token: the challenge in its refusal leads to one. A token is renewed ahead of its end, at
/// most once at a time for each principal and endpoint, and keeps its session.
#[derive(Clone)]
pub struct OAuthCredentials(Arc<Engine>);

impl OAuthCredentials {
    pub(super) fn of(engine: Engine) -> Self {
        Self(Arc::new(engine))
    }

    /// Completes the authorization that the user's browser came back from. Afterwards calls of the
    /// principal have its token.
    ///
    /// `principal` is the user whose browser it is, as the application knows it: an authorization that
    /// was begun for another principal is not completed, so that no user is given the account of
    /// another one.
    ///
    /// # Errors
    /// [`OAuthError::UnknownState`]: no such authorization of the principal is under way, or it took too
    /// long. [`OAuthError::OtherIssuer`], [`OAuthError::NoIssuer`]: the response is of another server.
    /// [`OAuthError::Refused`]: the user or the server refused. Others: the token request failed.
    ///
    /// # Cancel safety
    /// A code can be exchanged once: a dropped future leaves an authorization that has to be repeated.
    pub async fn complete(
        &self,
        principal: &Principal,
        response: AuthorizationResponse,
    ) -> Result<(), OAuthError> {
        self.0.complete(principal, response).await
    }

    /// Forgets the tokens of a principal for an endpoint, as after a logout. Sessions stay: close them
    /// with [`SessionPool::revoke`](mcp_pool_core::SessionPool::revoke).
    ///
    /// # Errors
    /// [`OAuthError::Store`]: they may be in the store still.
    ///
    /// # Cancel safety
    /// A dropped future may leave them in the store.
    pub async fn forget(
        &self,
        principal: &Principal,
        endpoint: &Endpoint,
    ) -> Result<(), OAuthError> {
        let account = AccountKey::new(principal, endpoint.url());
        self.0.drop_tokens(&account).await
    }
}

#[async_trait]
impl CredentialSource for OAuthCredentials {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        Ok(self.0.headers(request).await?)
    }

    fn renews(&self) -> bool {
        true
    }
}

impl fmt::Debug for OAuthCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthCredentials")
            .field("grant", &self.0.settings.grant)
            .field("accounts", &self.0.accounts.len())
            .finish_non_exhaustive()
    }
}
