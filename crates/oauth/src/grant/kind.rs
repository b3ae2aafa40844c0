//! The grants.

use std::{fmt, sync::Arc};

use url::Url;

use super::{enterprise::EnterpriseManaged, exchange::TokenExchange, subject::SubjectSource};

/// How tokens are obtained. `Debug` shows the name alone.
#[derive(Clone)]
#[non_exhaustive]
pub enum Grant {
    /// The user authorizes in a browser, with PKCE: see
    /// [`AuthorizationNeeded`](crate::AuthorizationNeeded).
    AuthorizationCode {
        /// Where the browser comes back to: an address of the application.
        redirect_uri: Url,
    },
    /// The client has tokens of its own: all principals have the same rights, each its own token.
    ClientCredentials,
    /// An assertion of the principal, or of the workload, is exchanged (RFC 7523 section 2.1).
    JwtBearer(Arc<dyn SubjectSource>),
    /// A token of the principal is exchanged at the authorization server (RFC 8693).
    TokenExchange(TokenExchange),
    /// An identity provider lets its users into the resource: ID-JAG.
    EnterpriseManaged(EnterpriseManaged),
}

impl Grant {
    /// The authorization code grant, whose browser comes back to this address.
    #[must_use]
    pub fn authorization_code(redirect_uri: Url) -> Self {
        Self::AuthorizationCode { redirect_uri }
    }

    /// The grant whose assertions this source gives.
    #[must_use]
    pub fn jwt_bearer(assertions: impl SubjectSource + 'static) -> Self {
        Self::JwtBearer(Arc::new(assertions))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::AuthorizationCode { .. } => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer(_) => "jwt_bearer",
            Self::TokenExchange(_) => "token_exchange",
            Self::EnterpriseManaged(_) => "enterprise_managed",
        }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Grant").field(&self.name()).finish()
    }
}
