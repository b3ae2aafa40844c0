//! Results of earlier token checks.

use std::{fmt, hash::BuildHasher, sync::Arc, time::Duration};

use foldhash::{fast, quality};
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{JwtRefusal, claims::Verified, time::UnixTime, verified_token::VerifiedToken};

/// How the results of token checks are cached.
///
/// Accepted and refused tokens have a cache each, so that garbage never evicts
/// an accepted token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtCacheSettings {
    /// How long an accepted token is cached at most. It is never used beyond
    /// its own `exp`, nor after a change of keys. Default: 1 hour.
    pub accepted_for: Duration,
    /// Memory for accepted tokens in bytes. Default: 16 MiB, about 5,000
    /// tokens with their claims.
    pub accepted_bytes: u64,
    /// How long a refused token is cached. Default: 10 seconds. A caller that
    /// repeats one bad token costs one signature check in that time.
    pub refused_for: Duration,
    /// Memory for refused tokens in bytes. Default: 2 MiB.
    pub refused_bytes: u64,
}

/// An LRU cache of token checks.
///
/// A token is found by a fast hash with a random seed and then compared as a
/// whole, so that a collision of hashes returns nothing.
pub(crate) struct TokenCache {
    hasher: quality::RandomState,
    accepted: Entries<VerifiedToken>,
    refused: Entries<JwtRefusal>,
    settings: JwtCacheSettings,
}

/// A token, the keys it is checked with, and the time of the check.
#[derive(Clone, Copy)]
pub(crate) struct TokenUse<'a> {
    pub(crate) token: &'a str,
    /// The generation of the key set. A result holds for one generation only.
    pub(crate) generation: u64,
    pub(crate) now: UnixTime,
}

type Entries<V> = Cache<u64, Arc<Entry<V>>, fast::RandomState>;

struct Entry<V> {
    token: Box<[u8]>,
    generation: u64,
    expires: UnixTime,
    value: V,
}

impl TokenCache {
    pub(crate) fn new(settings: JwtCacheSettings) -> Self {
        Self {
            hasher: quality::RandomState::default(),
            accepted: entries(
                settings.accepted_bytes,
                settings.accepted_for,
                |token: &VerifiedToken| token.claims().weight(),
            ),
            refused: entries(settings.refused_bytes, settings.refused_for, |_| 0),
            settings,
        }
    }

    /// The cached result for this token, generation and time.
    pub(crate) fn get(&self, used: TokenUse<'_>) -> Option<Result<VerifiedToken, JwtRefusal>> {
        let hash = self.hash(used.token);
        if let Some(entry) = self.accepted.get(&hash) {
            if entry.matches(used) {
                return Some(Ok(entry.value.clone()));
            }
            // Expired, or from another generation: it never matches again.
            self.accepted.invalidate(&hash);
        }
        let entry = self.refused.get(&hash)?;
        entry.matches(used).then(|| Err(entry.value.clone()))
    }

    /// Caches an accepted token until it expires.
    pub(crate) fn insert_accepted(&self, used: TokenUse<'_>, verified: &Verified) {
        let latest = used.now.plus(self.settings.accepted_for);
        let expires = verified.expires.min(latest);
        self.accepted.insert(
            self.hash(used.token),
            Entry::new(used, expires, VerifiedToken::of(verified)),
        );
    }

    /// Caches a refused token, if the refusal is final and cost a signature
    /// check.
    pub(crate) fn insert_refused(&self, used: TokenUse<'_>, refusal: &JwtRefusal) {
        if is_costly_and_final(refusal) {
            let expires = used.now.plus(self.settings.refused_for);
            self.refused.insert(
                self.hash(used.token),
                Entry::new(used, expires, refusal.clone()),
            );
        }
    }

    fn hash(&self, token: &str) -> u64 {
        self.hasher.hash_one(token.as_bytes())
    }

    /// How many tokens are cached: accepted, refused.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (u64, u64) {
        self.accepted.run_pending_tasks();
        self.refused.run_pending_tasks();
        (self.accepted.entry_count(), self.refused.entry_count())
    }
}

impl<V> Entry<V> {
    fn new(used: TokenUse<'_>, expires: UnixTime, value: V) -> Arc<Self> {
        Arc::new(Self {
            token: used.token.as_bytes().into(),
            generation: used.generation,
            expires,
            value,
        })
    }

    fn matches(&self, used: TokenUse<'_>) -> bool {
        used.now < self.expires
            && self.generation == used.generation
            && *self.token == *used.token.as_bytes()
    }
}

impl Default for JwtCacheSettings {
    fn default() -> Self {
        Self {
            accepted_for: Duration::from_secs(3600),
            accepted_bytes: 16 << 20,
            refused_for: Duration::from_secs(10),
            refused_bytes: 2 << 20,
        }
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("accepted", &self.accepted.entry_count())
            .field("refused", &self.refused.entry_count())
            .finish()
    }
}

/// An empty cache of at most `bytes` bytes. `weight` has those of a value.
fn entries<V: Send + Sync + 'static>(
    bytes: u64,
    ttl: Duration,
    weight: fn(&V) -> usize,
) -> Entries<V> {
    Cache::builder()
        .max_capacity(bytes)
        .weigher(move |_, entry: &Arc<Entry<V>>| {
            u32::try_from(entry.token.len() + weight(&entry.value) + ENTRY_BYTES)
                .unwrap_or(u32::MAX)
        })
        .time_to_live(ttl)
        // LRU. By frequency of use, which is moka's default, a rotated token
        // would lose to the old ones.
        .eviction_policy(EvictionPolicy::lru())
        .build_with_hasher(fast::RandomState::default())
}

/// True for a refusal that cannot change later and that came after a
/// signature check. The others are as cheap to compute as to read here, or may
/// change at any time.
fn is_costly_and_final(refusal: &JwtRefusal) -> bool {
    matches!(
        refusal,
        JwtRefusal::ClaimMissing { .. }
            | JwtRefusal::ClaimUnusable { .. }
            | JwtRefusal::Expired
            | JwtRefusal::WrongAudience
            | JwtRefusal::WrongIssuer
            | JwtRefusal::WrongSignature
    )
}

/// Bytes of an entry besides its token: the entry and moka's nodes, rounded
/// up.
const ENTRY_BYTES: usize = 400;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::claims::{ClaimList, JwtClaim, Rules};

    fn cache() -> TokenCache {
        TokenCache::new(JwtCacheSettings::default())
    }

    fn used(token: &str, generation: u64, secs: u64) -> TokenUse<'_> {
        TokenUse {
            token,
            generation,
            now: UnixTime::from_secs(secs),
        }
    }

    fn verified(claims: &Value) -> Verified {
        let rules = Rules {
            domain: "test",
            issuers: None,
            audiences: None,
            leeway: Duration::ZERO,
            claims: ClaimList::new(vec![JwtClaim::required("sub")]).unwrap(),
        };
        rules
            .apply(claims.to_string().as_bytes(), UnixTime::from_secs(0))
            .unwrap()
    }

    fn alice_until(secs: u64) -> Verified {
        verified(&json!({ "iss": "i", "sub": "alice", "exp": secs }))
    }

    fn alice() -> VerifiedToken {
        VerifiedToken::of(&alice_until(1000))
    }

    /// Whose token it is.
    fn subject(found: Option<Result<VerifiedToken, JwtRefusal>>) -> Option<String> {
        let token = found?.ok()?;
        token.claims().text("sub").map(str::to_owned)
    }

    #[test]
    fn an_accepted_token_expires_to_the_second() {
        let cache = cache();
        cache.insert_accepted(used("token", 1, 900), &alice_until(1000));
        let found = cache.get(used("token", 1, 999));
        assert_eq!(subject(found).as_deref(), Some("alice"));
        assert!(cache.get(used("token", 1, 1000)).is_none());
    }

    #[test]
    fn an_accepted_token_is_invalid_after_a_change_of_keys() {
        let cache = cache();
        cache.insert_accepted(used("token", 1, 900), &alice_until(1000));
        assert!(cache.get(used("token", 2, 901)).is_none());
    }

    #[test]
    fn a_token_with_a_long_life_is_cached_for_an_hour() {
        let cache = cache();
        cache.insert_accepted(used("token", 1, 1000), &alice_until(u64::MAX));
        assert!(cache.get(used("token", 1, 1000 + 3599)).is_some());
        assert!(cache.get(used("token", 1, 1000 + 3600)).is_none());
    }

    #[test]
    fn a_refused_token_is_cached_briefly_and_only_if_it_was_costly() {
        let cache = cache();
        cache.insert_refused(used("bad", 1, 100), &JwtRefusal::WrongSignature);
        cache.insert_refused(used("early", 1, 100), &JwtRefusal::NotYetValid);
        cache.insert_refused(used("unknown", 1, 100), &JwtRefusal::UnknownKey);
        let bad = cache.get(used("bad", 1, 109));
        assert_eq!(bad.unwrap().unwrap_err(), JwtRefusal::WrongSignature);
        assert!(cache.get(used("bad", 1, 110)).is_none());
        assert!(cache.get(used("bad", 2, 101)).is_none());
        assert!(cache.get(used("early", 1, 101)).is_none());
        assert!(cache.get(used("unknown", 1, 101)).is_none());
    }

    #[test]
    fn the_claims_of_accepted_tokens_count_three_times_their_bytes() {
        let cache = TokenCache::new(JwtCacheSettings {
            accepted_bytes: 200_000,
            ..JwtCacheSettings::default()
        });
        // About 30,500 bytes each, the entry included.
        let notes = "x".repeat(10_000);
        let alice = verified(&json!({ "iss": "i", "sub": "alice", "exp": 1000, "notes": notes }));
        for n in 0..20 {
            cache.insert_accepted(used(&format!("token {n}"), 1, 0), &alice);
        }
        assert_eq!(cache.counts(), (6, 0));
    }

    #[test]
    fn the_whole_token_is_compared_not_its_hash() {
        let cache = cache();
        let other = used("another token", 1, 0);
        let entry = Entry::new(other, UnixTime::from_secs(1000), alice());
        cache.accepted.insert(cache.hash("mine"), entry);
        assert!(cache.get(used("mine", 1, 1)).is_none());
    }
}
