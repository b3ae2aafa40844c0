//! From the headers of a request to its caller.

use http::{HeaderMap, header};
use mcp_pool_core::Principal;
use mcp_pool_identity_jwt::{JwtIdentity, JwtRefusal, VerifiedClaims};

use super::{challenge::Refusal, owners::Owners, resource::ProtectedResource};
use crate::caller::Caller;

/// Verifies tokens and names callers.
pub(super) struct Authenticator {
    pub(super) jwt: JwtIdentity,
    pub(super) resource: ProtectedResource,
    pub(super) owners: Owners,
    pub(super) principal: Box<Naming>,
}

/// Names the principal of verified claims.
pub(super) type Naming = dyn Fn(&VerifiedClaims) -> Option<Principal> + Send + Sync;

impl Authenticator {
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
