//! The layer that authenticates requests.

use std::{fmt, sync::Arc};

use mcp_pool_core::Principal;
use mcp_pool_identity_jwt::{JwtIdentity, VerifiedClaims};
use tower::Layer;

use super::{
    authenticator::{Authenticator, Naming},
    owners::Owners,
    resource::ProtectedResource,
    service::BearerAuthService,
};

/// A tower layer that verifies the bearer token of each request, and puts its [`Caller`](crate::Caller) into the
/// extensions of the request.
///
/// A request without a valid token is answered with 401 and the challenge that the authorization
/// specification wants, one without a scope that is needed with 403, and one that names the session of
/// another caller with 404. The token is verified once: the pool gets the identity along with the
/// principal.
///
/// The principal is the claim `sub`, in the tenant `tenant_id` where there is one;
/// [`principal_by`](Self::principal_by) changes that.
#[derive(Clone)]
pub struct BearerAuth {
    inner: Arc<Authenticator>,
}

impl BearerAuth {
    /// A layer that verifies by `jwt` and challenges with the description of `resource`.
    #[must_use]
    pub fn new(jwt: JwtIdentity, resource: ProtectedResource) -> Self {
        Self::with(jwt, resource, Box::new(subject))
    }

    /// The same layer with another principal for verified claims. `None` refuses the token.
    #[must_use]
    pub fn principal_by(
        self,
        principal: impl Fn(&VerifiedClaims) -> Option<Principal> + Send + Sync + 'static,
    ) -> Self {
        let Authenticator { jwt, resource, .. } = &*self.inner;
        Self::with(jwt.clone(), resource.clone(), Box::new(principal))
    }

    fn with(jwt: JwtIdentity, resource: ProtectedResource, principal: Box<Naming>) -> Self {
        let inner = Authenticator {
            jwt,
            resource,
            owners: Owners::new(),
            principal,
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl<S> Layer<S> for BearerAuth {
    type Service = BearerAuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerAuthService::new(Arc::clone(&self.inner), inner)
    }
}

impl fmt::Debug for BearerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerAuth")
            .field("resource", &self.inner.resource)
            .finish_non_exhaustive()
    }
}

fn subject(claims: &VerifiedClaims) -> Option<Principal> {
    let principal = Principal::user(claims.text("sub")?);
    Some(match claims.text("tenant_id") {
        Some(tenant) => principal.in_tenant(tenant),
        None => principal,
    })
}
