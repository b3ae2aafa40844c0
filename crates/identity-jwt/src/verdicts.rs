//! What was decided about tokens before.

use std::{fmt, hash::BuildHasher, sync::Arc, time::Duration};

use foldhash::{fast, quality};
use mcp_pool_core::extend::Identity;
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{JwtRefusal, time::UnixTime};

/// How verdicts on tokens are remembered.
///
/// Good and bad tokens have a memory of their own each, so that no amount of garbage pushes a good
/// one out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtCacheSettings {
    /// How long a good token is remembered at most; never beyond its own `exp`, nor beyond a change
    /// of keys. Default: 1 hour.
    pub accepted_for: Duration,
    /// Memory for good tokens in bytes. Default: 16 MiB, about 16,000 tokens.
    pub accepted_bytes: u64,
    /// How long a bad token is remembered. Default: 10 seconds: a caller that repeats itself costs
    /// one signature check in that time.
    pub refused_for: Duration,
    /// Memory for bad tokens in bytes. Default: 2 MiB.
    pub refused_bytes: u64,
}

/// The memory. A token is found by a fast hash under a random seed and then compared as a whole:
/// the hash finds, the comparison decides.
pub(crate) struct Verdicts {
    finder: quality::RandomState,
    accepted: Memory<Identity>,
    refused: Memory<JwtRefusal>,
    settings: JwtCacheSettings,
}

type Memory<V> = Cache<u64, Arc<Entry<V>>, fast::RandomState>;

struct Entry<V> {
    token: Box<[u8]>,
    generation: u64,
    until: UnixTime,
    verdict: V,
}

impl Verdicts {
    pub(crate) fn new(settings: JwtCacheSettings) -> Self {
        Self {
            finder: quality::RandomState::default(),
            accepted: memory(settings.accepted_bytes, settings.accepted_for),
            refused: memory(settings.refused_bytes, settings.refused_for),
            settings,
        }
    }

    /// What was decided about this very token under this generation of keys, if it still holds.
    pub(crate) fn recall(
        &self,
        token: &str,
        generation: u64,
        now: UnixTime,
    ) -> Option<Result<Identity, JwtRefusal>> {
        let hash = self.finder.hash_one(token.as_bytes());
        if let Some(entry) = self.accepted.get(&hash) {
            if entry.holds(token, generation, now) {
                return Some(Ok(entry.verdict.clone()));
            }
            // Over, or of other keys: it will not hold again.
            self.accepted.invalidate(&hash);
        }
        let entry = self.refused.get(&hash)?;
        entry
            .holds(token, generation, now)
            .then(|| Err(entry.verdict.clone()))
    }

    /// Remembers a good token until its end.
    pub(crate) fn accept(
        &self,
        token: &str,
        generation: u64,
        (identity, expires): (&Identity, UnixTime),
        now: UnixTime,
    ) {
        let until = expires.min(now.after(self.settings.accepted_for));
        self.accepted.insert(
            self.finder.hash_one(token.as_bytes()),
            Entry::new(token, generation, until, identity.clone()),
        );
    }

    /// Remembers a bad token for a while, if it is bad for good and was costly to judge.
    pub(crate) fn refuse(&self, token: &str, generation: u64, refusal: &JwtRefusal, now: UnixTime) {
        if is_costly_and_final(refusal) {
            let until = now.after(self.settings.refused_for);
            self.refused.insert(
                self.finder.hash_one(token.as_bytes()),
                Entry::new(token, generation, until, refusal.clone()),
            );
        }
    }

    #[cfg(test)]
    pub(crate) fn counts(&self) -> (u64, u64) {
        self.accepted.run_pending_tasks();
        self.refused.run_pending_tasks();
        (self.accepted.entry_count(), self.refused.entry_count())
    }
}

impl<V> Entry<V> {
    fn new(token: &str, generation: u64, until: UnixTime, verdict: V) -> Arc<Self> {
        Arc::new(Self {
            token: token.as_bytes().into(),
            generation,
            until,
            verdict,
        })
    }

    fn holds(&self, token: &str, generation: u64, now: UnixTime) -> bool {
        now < self.until && self.generation == generation && *self.token == *token.as_bytes()
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

impl fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verdicts")
            .field("accepted", &self.accepted.entry_count())
            .field("refused", &self.refused.entry_count())
            .finish()
    }
}

/// Least recently used goes first: a rotated token is new, and must not have to prove itself
/// against the old ones, as it would by frequency of use.
fn memory<V: Send + Sync + 'static>(bytes: u64, ttl: Duration) -> Memory<V> {
    Cache::builder()
        .max_capacity(bytes)
        .weigher(|_, entry: &Arc<Entry<V>>| {
            u32::try_from(entry.token.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
        })
        .time_to_live(ttl)
        .eviction_policy(EvictionPolicy::lru())
        .build_with_hasher(fast::RandomState::default())
}

/// Whether a refusal stands whatever happens meanwhile, and came after a signature check. The rest
/// is as cheap to find again as to look up, or may be otherwise in a moment.
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

/// What an entry takes besides its token: itself and moka's nodes, rounded up.
const ENTRY_BYTES: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts() -> Verdicts {
        Verdicts::new(JwtCacheSettings::default())
    }

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn alice() -> Identity {
        Identity::from_parts("test", ["alice"])
    }

    #[test]
    fn a_good_token_is_forgotten_at_its_end_to_the_second() {
        let verdicts = verdicts();
        verdicts.accept("token", 1, (&alice(), at(1000)), at(900));
        assert_eq!(verdicts.recall("token", 1, at(999)), Some(Ok(alice())));
        assert_eq!(verdicts.recall("token", 1, at(1000)), None);
    }

    #[test]
    fn a_good_token_is_forgotten_when_keys_change() {
        let verdicts = verdicts();
        verdicts.accept("token", 1, (&alice(), at(1000)), at(900));
        assert_eq!(verdicts.recall("token", 2, at(901)), None);
    }

    #[test]
    fn a_long_token_life_is_capped() {
        let verdicts = verdicts();
        verdicts.accept("token", 1, (&alice(), at(u64::MAX)), at(1000));
        assert!(verdicts.recall("token", 1, at(1000 + 3599)).is_some());
        assert_eq!(verdicts.recall("token", 1, at(1000 + 3600)), None);
    }

    #[test]
    fn a_bad_token_is_remembered_briefly_and_only_when_it_was_costly() {
        let verdicts = verdicts();
        verdicts.refuse("bad", 1, &JwtRefusal::WrongSignature, at(100));
        verdicts.refuse("early", 1, &JwtRefusal::NotYetValid, at(100));
        verdicts.refuse("unknown", 1, &JwtRefusal::UnknownKey, at(100));
        let bad = verdicts.recall("bad", 1, at(109));
        assert_eq!(bad, Some(Err(JwtRefusal::WrongSignature)));
        assert_eq!(verdicts.recall("bad", 1, at(110)), None);
        assert_eq!(verdicts.recall("bad", 2, at(101)), None);
        assert_eq!(verdicts.recall("early", 1, at(101)), None);
        assert_eq!(verdicts.recall("unknown", 1, at(101)), None);
    }

    #[test]
    fn the_whole_token_is_compared_not_its_hash() {
        let verdicts = verdicts();
        let hash = verdicts.finder.hash_one("mine".as_bytes());
        let entry = Entry::new("somebody else's", 1, at(1000), alice());
        verdicts.accepted.insert(hash, entry);
        assert_eq!(verdicts.recall("mine", 1, at(1)), None);
    }
}
