//! A token that was verified.

use mcp_pool_core::extend::Identity;

use crate::{claims::Verified, verified_claims::VerifiedClaims};

/// A token that was verified: the identity behind it and its claims, so that
/// nothing has to decode the token a second time.
///
/// ```
/// # use mcp_pool_identity_jwt::{JwtIdentity, JwtRefusal};
/// # use mcp_pool_core::Principal;
/// async fn principal(jwt: &JwtIdentity, token: &str) -> Result<Option<Principal>, JwtRefusal> {
///     let verified = jwt.verify(token).await?;
///     Ok(verified.and_then(|token| token.claims().text("sub").map(Principal::user)))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    identity: Identity,
    claims: VerifiedClaims,
}

impl VerifiedToken {
    pub(crate) fn of(verified: &Verified) -> Self {
        Self {
            identity: verified.identity.clone(),
            claims: verified.claims.clone(),
        }
    }

    /// The identity, which expires with the token.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &VerifiedClaims {
        &self.claims
    }

    pub(crate) fn into_identity(self) -> Identity {
        self.identity
    }
}
