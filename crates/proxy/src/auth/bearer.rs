//! The layer that authenticates requests.

use std::{fmt, sync::Arc};

use http::{HeaderMap, header};
use mcp_pool_core::Principal;
use mcp_pool_identity_jwt::{JwtIdentity, JwtRefusal, VerifiedClaims};
use tower::Layer;

use super::{
    challenge::Refusal, owners::Owners, resource::ProtectedResource, service::BearerAuthService,
};
use crate::caller::Caller;

/// A tower layer that verifies the bearer token of each request, and puts its [`Caller`] into the
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
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    jwt: JwtIdentity,
    pub(super) resource: ProtectedResource,
    pub(super) owners: Owners,
    principal: Box<Naming>,
}

type Naming = dyn Fn(&VerifiedClaims) -> Option<Principal> + Send + Sync;

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
        let Inner { jwt, resource, .. } = &*self.inner;
        Self::with(jwt.clone(), resource.clone(), Box::new(principal))
    }

    fn with(jwt: JwtIdentity, resource: ProtectedResource, principal: Box<Naming>) -> Self {
        let inner = Inner {
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

impl Inner {
    /// The caller of a request with these headers.
    pub(super) async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let token = token(headers)?;
        let verified = self.jwt.verify(token).await.map_err(Refusal::Token)?;
        let verified = verified.ok_or(Refusal::Token(JwtRefusal::NotAJwt))?;
        let claims = verified.claims();
        if !has_scopes(claims, self.resource.scopes()) {
            return Err(Refusal::InsufficientScope);
        }
        let principal = (self.principal)(claims).ok_or(Refusal::Unnamed)?;
        let caller = Caller::new(principal, verified.identity().clone());
        match self.owners.allow(headers, &caller) {
            true => Ok(caller),
            false => Err(Refusal::OtherSession),
        }
    }
}

impl<S> Layer<S> for BearerAuth {
    type Service = BearerAuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerAuthService::new(self.clone(), inner)
    }
}

impl fmt::Debug for BearerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerAuth")
            .field("resource", &self.inner.resource)
            .finish_non_exhaustive()
    }
}

/// The one bearer token in these headers.
fn token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = all.next().ok_or(Refusal::NoToken)?;
    if all.next().is_some() {
        return Err(Refusal::Token(JwtRefusal::SeveralAuthorizations));
    }
    let value = value.to_str().map_err(|_| Refusal::NoToken)?;
    let (scheme, token) = value.split_once(' ').ok_or(Refusal::NoToken)?;
    match scheme.eq_ignore_ascii_case("bearer") {
        true => Ok(token.trim_start_matches(' ')),
        false => Err(Refusal::NoToken),
    }
}

fn subject(claims: &VerifiedClaims) -> Option<Principal> {
    let principal = Principal::user(claims.text("sub")?);
    Some(match claims.text("tenant_id") {
        Some(tenant) => principal.in_tenant(tenant),
        None => principal,
    })
}

/// True where the token has each of these scopes: in `scope`, a text, or in `scp`, a text or a list.
fn has_scopes(claims: &VerifiedClaims, wanted: &[String]) -> bool {
    let texts = ["scope", "scp"]
        .into_iter()
        .filter_map(|name| claims.text(name));
    let in_texts: Vec<_> = texts.flat_map(|text| text.split(' ')).collect();
    let list = claims.get("scp").and_then(serde_json::Value::as_array);
    let in_list = |scope: &str| list.is_some_and(|all| all.iter().any(|one| one == scope));
    let has = |scope: &String| in_texts.contains(&scope.as_str()) || in_list(scope);
    wanted.iter().all(has)
}
