//! The extractor.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_pool_core::{
    error::ExtractError,
    extend::{Identity, IdentityExtractor},
};
use tokio::time::Instant;

use super::opaque::OpaqueTokens;
use crate::{
    JwtRefusal,
    claims::{Rules, Verified},
    error::Refused,
    keys::{FetchOutcome, FetchedSet, KeySet, RemoteKeys},
    time::UnixTime,
    token::{Token, bearer_token},
    token_cache::{TokenCache, TokenUse},
    verified_token::VerifiedToken,
};

/// Identifies callers by the verified claims of their bearer token.
///
/// Cheap to clone. The identity is made of `iss`, `sub` and, if present, the
/// tenant claim ([`claims`](crate::JwtIdentityBuilder::claims) changes that).
/// A caller may therefore rotate its tokens and keep its sessions. The
/// extractor reads no claim before the signature is verified.
///
/// It returns `Ok(None)` for a request that is not its own: no `Authorization`
/// header, another scheme than `Bearer`, or a token that has not the form of a
/// signed JWT. It returns an [`ExtractError`] with a [`JwtRefusal`] as its
/// source for a JWT that fails a check.
#[derive(Clone)]
pub struct JwtIdentity {
    inner: Arc<Inner>,
    max_token_bytes: usize,
    opaque: OpaqueTokens,
}

struct Inner {
    verifier: Verifier,
    rules: Rules,
    cache: TokenCache,
}

/// What verifies signatures.
pub(super) enum Verifier {
    Given(KeySet),
    Remote(Arc<RemoteKeys>),
    /// A component in front of this process.
    Upstream,
}

/// The keys of one check, with their generation in the cache.
#[derive(Clone, Copy)]
struct CheckedWith<'a> {
    /// `None`: the signature was verified upstream.
    keys: Option<&'a KeySet>,
    generation: u64,
}

impl JwtIdentity {
    /// Fetches the keys now, so that a start fails early.
    ///
    /// Without it the first caller waits for the fetch. It does nothing if the
    /// keys were given, or if no keys are needed.
    ///
    /// # Errors
    /// [`JwtRefusal::KeysUnavailable`] when there are no keys afterwards.
    ///
    /// # Cancel safety
    /// Safe: the fetch continues as a task of its own.
    pub async fn prefetch(&self) -> Result<(), JwtRefusal> {
        let Verifier::Remote(remote) = &self.inner.verifier else {
            return Ok(());
        };
        if remote.current().is_none() {
            remote.wait_for_fetch().await;
        }
        match remote.current() {
            Some(_) => Ok(()),
            None => Err(JwtRefusal::KeysUnavailable),
        }
    }

    /// The identity of a bearer token; `None` if it is no signed JWT.
    ///
    /// It waits only for a fetch of keys, and only when there are no keys or
    /// the key of the token is unknown. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Each variant of [`JwtRefusal`] but [`JwtRefusal::SeveralAuthorizations`].
    ///
    /// # Cancel safety
    /// Safe: a fetch continues as a task of its own.
    pub async fn identify(&self, token: &str) -> Result<Option<Identity>, JwtRefusal> {
        let verified = self.verify(token).await?;
        Ok(verified.map(VerifiedToken::into_identity))
    }

    /// The identity of a bearer token and its verified claims; `None` if it is
    /// no signed JWT. Costs what [`identify`](Self::identify) costs.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    ///
    /// # Cancel safety
    /// As [`identify`](Self::identify).
    pub async fn verify(&self, token: &str) -> Result<Option<VerifiedToken>, JwtRefusal> {
        if token.len() > self.max_token_bytes {
            return Err(JwtRefusal::TooLong {
                limit: self.max_token_bytes,
            });
        }
        let verified = match &self.inner.verifier {
            Verifier::Given(keys) => self.inner.check_with(token, CheckedWith::given(keys)),
            Verifier::Upstream => self.inner.check_with(token, CheckedWith::UPSTREAM),
            Verifier::Remote(remote) => self.inner.check_remotely(token, remote).await,
        }?;
        match (verified, self.opaque) {
            (None, OpaqueTokens::Refuse) => Err(JwtRefusal::NotAJwt),
            (verified, _) => Ok(verified),
        }
    }

    pub(super) fn new(verifier: Verifier, rules: Rules, cache: TokenCache) -> Self {
        Self {
            inner: Arc::new(Inner {
                verifier,
                rules,
                cache,
            }),
            max_token_bytes: 0,
            opaque: OpaqueTokens::default(),
        }
    }

    pub(super) fn with_limits(mut self, max_token_bytes: usize, opaque: OpaqueTokens) -> Self {
        self.max_token_bytes = max_token_bytes;
        self.opaque = opaque;
        self
    }
}

impl Inner {
    /// Checks a token now, with keys that need no fetch.
    fn check_with(
        &self,
        token: &str,
        with: CheckedWith<'_>,
    ) -> Result<Option<VerifiedToken>, JwtRefusal> {
        self.check(token, with, UnixTime::now())
            .map_err(|refused| refused.refusal)
    }

    /// Checks a token with fetched keys. Waits for a fetch if the token may be
    /// valid under newer keys.
    async fn check_remotely(
        &self,
        token: &str,
        remote: &Arc<RemoteKeys>,
    ) -> Result<Option<VerifiedToken>, JwtRefusal> {
        let mut first = None;
        if let Some(fetched) = remote.current() {
            match self.check(token, CheckedWith::fetched(&fetched), UnixTime::now()) {
                Err(refused) if refused.retry_with_newer_keys => {
                    first = Some((fetched.generation, refused.refusal));
                }
                result => return result.map_err(|refused| refused.refusal),
            }
        } else if Token::parse(token)?.is_none() {
            // No key can verify it: a fetch would be useless.
            return Ok(None);
        }
        let outcome = remote.wait_for_fetch().await;
        let fetched = remote.current().ok_or(JwtRefusal::KeysUnavailable)?;
        match first {
            Some((generation, refusal)) if generation == fetched.generation => match outcome {
                FetchOutcome::Fetched => Err(refusal),
                FetchOutcome::Failed => Err(JwtRefusal::KeysUnavailable),
            },
            _ => self.check_with(token, CheckedWith::fetched(&fetched)),
        }
    }

    /// Returns the cached result of a token, or checks the token and caches the
    /// result. `now` is an argument.
    fn check(
        &self,
        token: &str,
        with: CheckedWith<'_>,
        now: UnixTime,
    ) -> Result<Option<VerifiedToken>, Refused> {
        let used = TokenUse {
            token,
            generation: with.generation,
            now,
        };
        if let Some(result) = self.cache.get(used) {
            return result.map(Some).map_err(Refused::from);
        }
        let Some(parsed) = Token::parse(token)? else {
            return Ok(None);
        };
        match self.verify(&parsed, with.keys, now) {
            Ok(verified) => {
                self.cache.insert_accepted(used, &verified);
                Ok(Some(VerifiedToken::of(&verified)))
            }
            Err(refused) => {
                self.cache.insert_refused(used, &refused.refusal);
                Err(refused)
            }
        }
    }

    /// Verifies the signature first: no claim is read before that.
    fn verify(
        &self,
        token: &Token<'_>,
        keys: Option<&KeySet>,
        now: UnixTime,
    ) -> Result<Verified, Refused> {
        match keys {
            Some(keys) => keys.verify(token)?,
            None => token.require_signature()?,
        }
        let payload = token.payload()?;
        let mut verified = self.rules.apply(&payload, now)?;
        // `None`: later than the clock can express. The identity then has no expiry.
        if let Some(at) = Instant::now().checked_add(verified.expires.since(now)) {
            verified.identity = verified.identity.with_expiry(at);
        }
        Ok(verified)
    }
}

impl<'a> CheckedWith<'a> {
    const UPSTREAM: Self = Self {
        keys: None,
        generation: CONSTANT,
    };

    fn given(keys: &'a KeySet) -> Self {
        Self {
            keys: Some(keys),
            generation: CONSTANT,
        }
    }

    fn fetched(fetched: &'a FetchedSet) -> Self {
        Self {
            keys: Some(&fetched.keys),
            generation: fetched.generation,
        }
    }
}

#[async_trait]
impl IdentityExtractor for JwtIdentity {
    async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
        match bearer_token(headers)? {
            Some(token) => Ok(self.identify(token).await?),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for JwtIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtIdentity")
            .field("verifier", &self.inner.verifier)
            .field("rules", &self.inner.rules)
            .field("cache", &self.inner.cache)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(keys) => write!(f, "{} given keys", keys.len()),
            Self::Remote(remote) => remote.fmt(f),
            Self::Upstream => f.write_str("verified upstream"),
        }
    }
}

/// The generation of keys that never change.
const CONSTANT: u64 = 0;

#[cfg(test)]
#[path = "../../tests/it/support.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod support;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{support::*, *};
    use crate::{JwtCacheSettings, JwtKeys};

    fn check_at(
        identity: &JwtIdentity,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<Identity>, JwtRefusal> {
        let Verifier::Given(keys) = &identity.inner.verifier else {
            unreachable!()
        };
        let result = identity.inner.check(token, CheckedWith::given(keys), now);
        result
            .map(|verified| verified.map(VerifiedToken::into_identity))
            .map_err(|refused| refused.refusal)
    }

    fn cached(
        identity: &JwtIdentity,
        token: &str,
        now: UnixTime,
    ) -> Option<Result<Identity, JwtRefusal>> {
        let found = identity.inner.cache.get(TokenUse {
            token,
            generation: CONSTANT,
            now,
        });
        found.map(|result| result.map(VerifiedToken::into_identity))
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
    fn a_cached_token_expires_to_the_second() {
        let secret = [7; 32];
        let identity = extractor(JwtKeys::secret(secret).unwrap(), Duration::ZERO);
        let exp = in_secs(300);
        let claims = claims("alice", json!({"exp": exp}));
        let token = hs256(&secret, &json!({"alg": "HS256"}), &claims);
        for at in [exp - 200, exp - 100, exp - 1] {
            assert!(check_at(&identity, &token, unix(at)).unwrap().is_some());
        }
        assert_eq!(identity.inner.cache.counts(), (1, 0));
        for at in [exp, exp + 1] {
            let result = check_at(&identity, &token, unix(at));
            assert_eq!(result, Err(JwtRefusal::Expired));
        }
    }

    #[test]
    fn within_the_leeway_a_token_is_verified_at_each_use() {
        let secret = [7; 32];
        let leeway = Duration::from_secs(30);
        let identity = extractor(JwtKeys::secret(secret).unwrap(), leeway);
        let exp = in_secs(300);
        let claims = claims("alice", json!({"exp": exp}));
        let token = hs256(&secret, &json!({"alg": "HS256"}), &claims);
        for at in [exp, exp + 29] {
            assert!(check_at(&identity, &token, unix(at)).unwrap().is_some());
            assert!(cached(&identity, &token, unix(at)).is_none());
        }
        let result = check_at(&identity, &token, unix(exp + 30));
        assert_eq!(result, Err(JwtRefusal::Expired));
    }

    #[test]
    fn ten_thousand_garbage_tokens_evict_no_accepted_token() {
        let (key, attacker) = (Rsa::first(), Rsa::second());
        let cache = JwtCacheSettings {
            // Enough for a few dozen tokens each.
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
        assert!(check_at(&identity, &good, now).unwrap().is_some());
        let forged = attacker.token(&claims("alice", json!({})));
        let signature = forged.rsplit('.').next().unwrap();
        for n in 0..10_000 {
            let garbage = assemble(
                &json!({"alg": "RS256"}),
                &json!({"sub": "alice", "n": n}),
                |_| vec![],
            );
            let result = check_at(&identity, &format!("{garbage}{signature}"), now);
            assert_eq!(result, Err(JwtRefusal::WrongSignature));
        }
        assert!(matches!(cached(&identity, &good, now), Some(Ok(_))));
        let (accepted, refused) = identity.inner.cache.counts();
        assert_eq!(accepted, 1);
        assert!((1..200).contains(&refused), "{refused}");
    }

    #[test]
    fn the_signature_is_checked_before_any_claim() {
        let secret = [7; 32];
        let identity = extractor(JwtKeys::secret(secret).unwrap(), Duration::ZERO);
        // Expired with a wrong issuer and audience, and a payload that is no object.
        for payload in [json!({"exp": 1, "iss": "x", "aud": "y"}), json!("text")] {
            let token = hs256(b"not the secret", &json!({"alg": "HS256"}), &payload);
            let result = check_at(&identity, &token, UnixTime::now());
            assert_eq!(result, Err(JwtRefusal::WrongSignature));
        }
    }
}
