//! Callers identified by verified tokens, and the cost of verifying alone.

use std::{cell::Cell, collections::HashMap, hint::black_box};

use http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use mcp_pool_core::extend::IdentityExtractor;
use mcp_session_pool::jwt::{JwtIdentity, JwtKeys};
use serde_json::{Value, json};

use self::support::{AUDIENCE, ISSUER, Rsa, bearer, claims};
use crate::Result;

/// Tokens as the extractor's own tests make them.
#[path = "../../../crates/identity-jwt/tests/it/support.rs"]
#[allow(
    clippy::unwrap_used,
    dead_code,
    reason = "it is test code, of which a part is used"
)]
mod support;

/// RS256 tokens of 900 bytes, and their readers.
pub(super) struct Tokens {
    tokens: Vec<String>,
    requests: Vec<HeaderMap>,
    seen: JwtIdentity,
    key: DecodingKey,
    validation: Validation,
}

/// A run through every token, each once, by an extractor with an empty cache.
pub(super) struct First<'t> {
    tokens: &'t Tokens,
    identity: JwtIdentity,
    next: Cell<usize>,
}

impl Tokens {
    /// The number of tokens.
    pub(super) const COUNT: u32 = 200;

    pub(super) fn new() -> Result<Self> {
        let padding = "x".repeat(PADDING);
        let token = |number| {
            let changes = json!({ "jti": format!("{number:06}{padding}") });
            Rsa::first().token(&claims("alice", changes))
        };
        let tokens: Vec<_> = (0..Self::COUNT).map(token).collect();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_nbf = true;
        Ok(Self {
            requests: tokens.iter().map(|token| bearer(token)).collect(),
            tokens,
            seen: extractor()?,
            key: DecodingKey::from_rsa_pem(Rsa::first().pem().as_bytes())?,
            validation,
        })
    }

    /// Identifies a caller by a token that is cached since the first call.
    pub(super) async fn seen(&self) {
        identify(&self.seen, &self.requests[0]).await;
    }

    /// Begins a run of tokens that the extractor has not cached.
    pub(super) fn first(&self) -> Result<First<'_>> {
        Ok(First {
            tokens: self,
            identity: extractor()?,
            next: Cell::new(0),
        })
    }

    /// Verifies a token with jsonwebtoken alone.
    pub(super) fn bare(&self, number: usize) {
        let token = &self.tokens[number % self.tokens.len()];
        let claims = decode::<HashMap<String, Value>>(token, &self.key, &self.validation);
        black_box(claims.expect("the token holds"));
    }
}

impl First<'_> {
    /// Identifies a caller by the next token.
    pub(super) async fn next(&self) {
        let number = self.next.replace(self.next.get() + 1);
        identify(&self.identity, &self.tokens.requests[number]).await;
    }
}

async fn identify(identity: &JwtIdentity, request: &HeaderMap) {
    let identified = identity.extract(black_box(request)).await;
    black_box(identified.expect("the token holds"));
}

fn extractor() -> Result<JwtIdentity> {
    let keys = JwtKeys::pem(Rsa::first().pem())?;
    Ok(JwtIdentity::builder(keys)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .build()?)
}

/// The padding that makes a token 900 bytes long.
const PADDING: usize = 261;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_has_900_bytes() {
        let tokens = Tokens::new().unwrap();
        assert!(tokens.tokens.iter().all(|token| token.len() == 900));
    }
}
