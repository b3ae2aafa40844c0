//! A set of keys at one moment.

use jsonwebtoken::Algorithm;

use super::{
    jwk::{self, Secrets},
    key::VerifyingKey,
};
use crate::{JwtKeyError, JwtRefusal, error::Refused, token::Token};

/// The keys that are valid now.
#[derive(Clone, PartialEq)]
pub(crate) struct KeySet(Vec<VerifyingKey>);

impl KeySet {
    /// Keys, each with those of its algorithms that are allowed; `None` allows all.
    pub(crate) fn new(keys: Vec<VerifyingKey>, allowed: Option<&[Algorithm]>) -> Self {
        let Some(allowed) = allowed else {
            return Self(keys);
        };
        let narrowed = keys.into_iter().filter_map(|key| key.narrowed(allowed));
        Self(narrowed.collect())
    }

    /// The published set in `json`.
    pub(crate) fn published(
        json: &[u8],
        allowed: Option<&[Algorithm]>,
    ) -> Result<Self, JwtKeyError> {
        let keys = jwk::parse_set(json, Secrets::LeftOut)?;
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

    /// Whether one of the keys signed this token.
    pub(crate) fn verify(&self, token: &Token<'_>) -> Result<(), Refused> {
        let Some(algorithm) = jwk::algorithm(&token.algorithm) else {
            return Err(JwtRefusal::AlgorithmNotAllowed.into());
        };
        let (candidates, by_name) = self.candidates(token.key_id.as_deref());
        if candidates.is_empty() {
            return Err(Refused {
                refusal: JwtRefusal::UnknownKey,
                newer_may_help: true,
            });
        }
        let takers: Vec<_> = candidates
            .into_iter()
            .filter(|key| key.takes(algorithm))
            .take(MAX_TRIED)
            .collect();
        if takers.is_empty() {
            return Err(JwtRefusal::AlgorithmNotAllowed.into());
        }
        let signature = token.signature()?;
        if takers
            .iter()
            .any(|key| key.verifies(algorithm, token.message.as_bytes(), &signature))
        {
            return Ok(());
        }
        Err(Refused {
            refusal: JwtRefusal::WrongSignature,
            newer_may_help: !by_name,
        })
    }

    /// The keys that may have signed, and whether they were found by the token's key id. A token
    /// that names a key gets that key or one without a name; a token that names none gets any.
    fn candidates(&self, id: Option<&str>) -> (Vec<&VerifyingKey>, bool) {
        let Some(id) = id else {
            return (self.0.iter().collect(), false);
        };
        let named: Vec<_> = self
            .0
            .iter()
            .filter(|key| key.id.as_deref() == Some(id))
            .collect();
        if !named.is_empty() {
            return (named, true);
        }
        let nameless = self.0.iter().filter(|key| key.id.is_none());
        (nameless.collect(), false)
    }
}

/// How many keys are tried on one token: each costs a signature check, and the token may be
/// garbage. Real sets have two or three keys of an algorithm.
const MAX_TRIED: usize = 8;
