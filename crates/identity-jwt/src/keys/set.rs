//! An immutable set of keys.

use jsonwebtoken::Algorithm;

use super::{
    jwk::{self, SharedSecrets},
    key::VerifyingKey,
};
use crate::{JwtKeyError, JwtRefusal, error::Refused, token::Token};

/// The keys that verify a token.
#[derive(Clone, PartialEq)]
pub(crate) struct KeySet(Vec<VerifyingKey>);

impl KeySet {
    /// Restricts each key to the allowed algorithms; `None` allows all.
    pub(crate) fn new(keys: Vec<VerifyingKey>, allowed: Option<&[Algorithm]>) -> Self {
        let Some(allowed) = allowed else {
            return Self(keys);
        };
        let keys = keys
            .into_iter()
            .filter_map(|key| key.restricted_to(allowed));
        Self(keys.collect())
    }

    /// Parses the published set in `json`.
    pub(crate) fn published(
        json: &[u8],
        allowed: Option<&[Algorithm]>,
    ) -> Result<Self, JwtKeyError> {
        let keys = jwk::parse_set(json, SharedSecrets::Skip)?;
        let set = Self::new(keys, allowed);
        if set.is_empty() {
            return Err(JwtKeyError::NoUsableKey);
        }
        Ok(set)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Succeeds if one of the keys signed this token.
    pub(crate) fn verify(&self, token: &Token<'_>) -> Result<(), Refused> {
        let Some(algorithm) = jwk::algorithm(&token.algorithm) else {
            return Err(JwtRefusal::AlgorithmNotAllowed.into());
        };
        let (candidates, found_by_id) = self.candidates(token.key_id.as_deref());
        if candidates.is_empty() {
            return Err(Refused {
                refusal: JwtRefusal::UnknownKey,
                retry_with_newer_keys: true,
            });
        }
        let usable: Vec<_> = candidates
            .into_iter()
            .filter(|key| key.supports(algorithm))
            .take(MAX_TRIED)
            .collect();
        if usable.is_empty() {
            return Err(JwtRefusal::AlgorithmNotAllowed.into());
        }
        let signature = token.signature()?;
        if usable
            .iter()
            .any(|key| key.verifies(algorithm, token.message.as_bytes(), &signature))
        {
            return Ok(());
        }
        Err(Refused {
            refusal: JwtRefusal::WrongSignature,
            retry_with_newer_keys: !found_by_id,
        })
    }

    /// The keys that may have signed, and whether the token's key id found them.
    ///
    /// For a token with a key id: the keys of that id, or else the keys without
    /// an id. For a token without one: all keys.
    fn candidates(&self, id: Option<&str>) -> (Vec<&VerifyingKey>, bool) {
        let Some(id) = id else {
            return (self.0.iter().collect(), false);
        };
        let with_id: Vec<_> = self
            .0
            .iter()
            .filter(|key| key.id.as_deref() == Some(id))
            .collect();
        if !with_id.is_empty() {
            return (with_id, true);
        }
        let without_id = self.0.iter().filter(|key| key.id.is_none());
        (without_id.collect(), false)
    }
}

/// The most keys tried on one token. Each costs a signature check, and the
/// token may be garbage. Real sets have two or three keys of an algorithm.
const MAX_TRIED: usize = 8;
