//! The extractor.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_pool_core::{
    error::ExtractError,
    extend::{Identity, IdentityExtractor},
};
use tokio::time::Instant;

use crate::{
    JwtIdentityBuilder, JwtKeys, JwtRefusal,
    claims::Rules,
    error::Refused,
    keys::{Held, KeySet, Landing, RemoteKeys},
    time::UnixTime,
    token::{Token, bearer},
    verdicts::Verdicts,
};

/// Tells callers by the verified claims of their bearer token. Cheap to clone.
///
/// The identity is made of `iss`, `sub` and, where there is one, the tenant claim
/// ([`claims`](JwtIdentityBuilder::claims) changes that), so that a caller's tokens may rotate
/// without its sessions changing hands. Nothing of a token is believed before its signature holds.
///
/// What is not its own it leaves to others (`Ok(None)`): no `Authorization` header, another scheme
/// than `Bearer`, a token that is no signed JWT by its form. What is its own and does not hold is
/// an [`ExtractError`] with a [`JwtRefusal`] as its source.
#[derive(Clone)]
pub struct JwtIdentity {
    inner: Arc<Inner>,
    max_token_bytes: usize,
    opaque: OpaqueTokens,
}

/// What becomes of a bearer token that is no signed JWT by its form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpaqueTokens {
    /// It is not this extractor's: the next one is asked, or the identity headers are hashed. The
    /// default.
    #[default]
    Ignore,
    /// It is refused with [`JwtRefusal::NotAJwt`].
    Refuse,
}

struct Inner {
    source: Source,
    rules: Rules,
    verdicts: Verdicts,
}

/// Who vouches for signatures.
pub(crate) enum Source {
    Given(KeySet),
    Remote(Arc<RemoteKeys>),
    VerifiedUpstream,
}

/// Keys at one moment, with the generation that verdicts under them belong to.
#[derive(Clone, Copy)]
struct Vouching<'a> {
    keys: Option<&'a KeySet>,
    generation: u64,
}

impl JwtIdentity {
    /// An extractor that verifies tokens with these keys.
    #[must_use]
    pub fn builder(keys: JwtKeys) -> JwtIdentityBuilder {
        JwtIdentityBuilder::new(Some(keys))
    }

    /// An extractor for gateways behind something that has verified every token already. **It checks
    /// no signature.**
    ///
    /// It trusts, to the letter, that whoever can reach this process with a bearer token went
    /// through a verifier that has checked that token's signature, its algorithm and its key, and
    /// that nothing between that verifier and this process lets a caller set or change the
    /// `Authorization` header. Where this does not hold (a port that can be reached around the
    /// verifier is enough) anybody is anybody: a made-up token reaches the sessions of the caller it
    /// names.
    ///
    /// What is still checked: the form, that the token was signed at all, `exp` and `nbf`, that the
    /// claims of the identity are there, and the issuer and audience if they are given. Identities
    /// made this way never equal those of an extractor that verifies, even for the same claims.
    #[must_use]
    pub fn verified_upstream() -> JwtIdentityBuilder {
        JwtIdentityBuilder::new(None)
    }

    /// Fetches the keys now, for a start that fails early rather than at the first caller. Nothing
    /// happens where keys were given or none are needed.
    ///
    /// # Errors
    /// [`JwtRefusal::KeysUnavailable`] when there are no keys afterwards.
    ///
    /// # Cancel safety
    /// Safe: the fetch goes on as a task of its own.
    pub async fn prefetch(&self) -> Result<(), JwtRefusal> {
        let Source::Remote(remote) = &self.inner.source else {
            return Ok(());
        };
        if remote.current().is_none() {
            remote.newer().await;
        }
        match remote.current() {
            Some(_) => Ok(()),
            None => Err(JwtRefusal::KeysUnavailable),
        }
    }

    /// The identity behind a bearer token; `None` if it is no signed JWT by its form.
    ///
    /// Waits only for a fetch of keys, and only when no keys are there or the token's is not among
    /// them. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Each variant of [`JwtRefusal`] but [`JwtRefusal::SeveralAuthorizations`].
    ///
    /// # Cancel safety
    /// Safe: a fetch goes on as a task of its own.
    pub async fn identify(&self, token: &str) -> Result<Option<Identity>, JwtRefusal> {
        if token.len() > self.max_token_bytes {
            return Err(JwtRefusal::TooLong {
                limit: self.max_token_bytes,
            });
        }
        let identity = match &self.inner.source {
            Source::Given(keys) => self.inner.settle(token, Some(keys)),
            Source::VerifiedUpstream => self.inner.settle(token, None),
            Source::Remote(remote) => self.inner.settle_remotely(token, remote).await,
        }?;
        match (identity, self.opaque) {
            (None, OpaqueTokens::Refuse) => Err(JwtRefusal::NotAJwt),
            (identity, _) => Ok(identity),
        }
    }

    pub(crate) fn new(source: Source, rules: Rules, verdicts: Verdicts) -> Self {
        Self {
            inner: Arc::new(Inner {
                source,
                rules,
                verdicts,
            }),
            max_token_bytes: 0,
            opaque: OpaqueTokens::default(),
        }
    }

    pub(crate) fn with_limits(mut self, max_token_bytes: usize, opaque: OpaqueTokens) -> Self {
        self.max_token_bytes = max_token_bytes;
        self.opaque = opaque;
        self
    }
}

impl Inner {
    fn settle(&self, token: &str, keys: Option<&KeySet>) -> Result<Option<Identity>, JwtRefusal> {
        let vouching = Vouching {
            keys,
            generation: GIVEN,
        };
        self.judge(token, vouching, UnixTime::now())
            .map_err(|refused| refused.refusal)
    }

    async fn settle_remotely(
        &self,
        token: &str,
        remote: &Arc<RemoteKeys>,
    ) -> Result<Option<Identity>, JwtRefusal> {
        let mut first = None;
        if let Some(held) = remote.current() {
            match self.judge(token, Vouching::of(&held), UnixTime::now()) {
                Err(refused) if refused.newer_may_help => {
                    first = Some((held.generation, refused.refusal));
                }
                verdict => return verdict.map_err(|refused| refused.refusal),
            }
        } else if Token::parse(token)?.is_none() {
            // Nothing is fetched for what no key could vouch for.
            return Ok(None);
        }
        let landing = remote.newer().await;
        let held = remote.current().ok_or(JwtRefusal::KeysUnavailable)?;
        match first {
            Some((generation, refusal)) if generation == held.generation => match landing {
                Landing::Fetched => Err(refusal),
                Landing::Failed => Err(JwtRefusal::KeysUnavailable),
            },
            _ => self
                .judge(token, Vouching::of(&held), UnixTime::now())
                .map_err(|refused| refused.refusal),
        }
    }

    /// The verdict on a token: the one remembered, or a new one, which is remembered. `now` is an
    /// argument.
    fn judge(
        &self,
        token: &str,
        vouching: Vouching<'_>,
        now: UnixTime,
    ) -> Result<Option<Identity>, Refused> {
        let generation = vouching.generation;
        if let Some(verdict) = self.verdicts.recall(token, generation, now) {
            return verdict.map(Some).map_err(Refused::from);
        }
        let Some(parsed) = Token::parse(token)? else {
            return Ok(None);
        };
        match self.verify(&parsed, vouching.keys, now) {
            Ok((identity, expires)) => {
                let accepted = (&identity, expires);
                self.verdicts.accept(token, generation, accepted, now);
                Ok(Some(identity))
            }
            Err(refused) => {
                self.verdicts
                    .refuse(token, generation, &refused.refusal, now);
                Err(refused)
            }
        }
    }

    /// Signature first: no claim is read before it holds.
    fn verify(
        &self,
        token: &Token<'_>,
        keys: Option<&KeySet>,
        now: UnixTime,
    ) -> Result<(Identity, UnixTime), Refused> {
        match keys {
            Some(keys) => keys.verify(token)?,
            None => token.signed_at_all()?,
        }
        let payload = token.payload()?;
        let (identity, expires) = self.rules.apply(&payload, now)?;
        let identity = match Instant::now().checked_add(expires.since(now)) {
            Some(at) => identity.with_expiry(at),
            // So far off that the clock cannot hold it: as good as never.
            None => identity,
        };
        Ok((identity, expires))
    }
}

impl<'a> Vouching<'a> {
    fn of(held: &'a Held) -> Self {
        Self {
            keys: Some(&held.keys),
            generation: held.generation,
        }
    }
}

#[async_trait]
impl IdentityExtractor for JwtIdentity {
    async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
        match bearer(headers)? {
            Some(token) => Ok(self.identify(token).await?),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for JwtIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtIdentity")
            .field("source", &self.inner.source)
            .field("rules", &self.inner.rules)
            .field("verdicts", &self.inner.verdicts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(keys) => write!(f, "{} given keys", keys.len()),
            Self::Remote(remote) => remote.fmt(f),
            Self::VerifiedUpstream => f.write_str("verified upstream"),
        }
    }
}

/// The generation of keys that never change.
const GIVEN: u64 = 0;

#[cfg(test)]
#[path = "../tests/it/support.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod support;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{support::*, *};
    use crate::JwtCacheSettings;

    fn judge_at(
        identity: &JwtIdentity,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<Identity>, JwtRefusal> {
        let Source::Given(keys) = &identity.inner.source else {
            unreachable!()
        };
        let vouching = Vouching {
            keys: Some(keys),
            generation: GIVEN,
        };
        let verdict = identity.inner.judge(token, vouching, now);
        verdict.map_err(|refused| refused.refusal)
    }

    fn unix(secs: i64) -> UnixTime {
        UnixTime::from_secs(u64::try_from(secs).unwrap())
    }

    fn extractor(keys: JwtKeys, leeway: Duration) -> JwtIdentity {
        JwtIdentity::builder(keys)
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .leeway(leeway)
            .build()
            .unwrap()
    }

    #[test]
    fn a_remembered_token_expires_to_the_second() {
        let secret = [7; 32];
        let identity = extractor(JwtKeys::secret(secret).unwrap(), Duration::ZERO);
        let exp = in_secs(300);
        let claims = claims("alice", json!({"exp": exp}));
        let token = hs256(&secret, &json!({"alg": "HS256"}), &claims);
        for at in [exp - 200, exp - 100, exp - 1] {
            assert!(judge_at(&identity, &token, unix(at)).unwrap().is_some());
        }
        assert_eq!(identity.inner.verdicts.counts(), (1, 0));
        for at in [exp, exp + 1] {
            let verdict = judge_at(&identity, &token, unix(at));
            assert_eq!(verdict, Err(JwtRefusal::Expired));
        }
    }

    #[test]
    fn within_the_leeway_a_token_is_verified_anew_each_time() {
        let secret = [7; 32];
        let leeway = Duration::from_secs(30);
        let identity = extractor(JwtKeys::secret(secret).unwrap(), leeway);
        let exp = in_secs(300);
        let claims = claims("alice", json!({"exp": exp}));
        let token = hs256(&secret, &json!({"alg": "HS256"}), &claims);
        for at in [exp, exp + 29] {
            assert!(judge_at(&identity, &token, unix(at)).unwrap().is_some());
            let verdicts = &identity.inner.verdicts;
            assert!(verdicts.recall(&token, GIVEN, unix(at)).is_none());
        }
        let verdict = judge_at(&identity, &token, unix(exp + 30));
        assert_eq!(verdict, Err(JwtRefusal::Expired));
    }

    #[test]
    fn ten_thousand_garbage_tokens_push_no_good_one_out() {
        let (key, attacker) = (Rsa::first(), Rsa::second());
        let cache = JwtCacheSettings {
            // Room for a few dozen tokens each.
            accepted_bytes: 64 << 10,
            refused_bytes: 64 << 10,
            ..JwtCacheSettings::default()
        };
        let identity = JwtIdentity::builder(JwtKeys::pem(key.pem()).unwrap())
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .cache(cache)
            .build()
            .unwrap();
        let now = UnixTime::now();
        let good = key.token(&claims("alice", json!({})));
        assert!(judge_at(&identity, &good, now).unwrap().is_some());
        let forged = attacker.token(&claims("alice", json!({})));
        let signature = forged.rsplit('.').next().unwrap();
        for n in 0..10_000 {
            let garbage = assemble(
                &json!({"alg": "RS256"}),
                &json!({"sub": "alice", "n": n}),
                |_| vec![],
            );
            let verdict = judge_at(&identity, &format!("{garbage}{signature}"), now);
            assert_eq!(verdict, Err(JwtRefusal::WrongSignature));
        }
        let verdicts = &identity.inner.verdicts;
        assert!(matches!(verdicts.recall(&good, GIVEN, now), Some(Ok(_))));
        let (accepted, refused) = verdicts.counts();
        assert_eq!(accepted, 1);
        assert!((1..200).contains(&refused), "{refused}");
    }

    #[test]
    fn the_signature_is_checked_before_any_claim() {
        let secret = [7; 32];
        let identity = extractor(JwtKeys::secret(secret).unwrap(), Duration::ZERO);
        // Expired, for somebody else, by somebody else, and no object at all.
        for payload in [json!({"exp": 1, "iss": "x", "aud": "y"}), json!("text")] {
            let token = hs256(b"not the secret", &json!({"alg": "HS256"}), &payload);
            let verdict = judge_at(&identity, &token, UnixTime::now());
            assert_eq!(verdict, Err(JwtRefusal::WrongSignature));
        }
    }
}
