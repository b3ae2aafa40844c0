//! The tool lists that a pool keeps, so that not every caller who asks for one asks the server.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName};
use moka::{policy::EvictionPolicy, sync::Cache};
use rmcp::model::{CacheScope, ListToolsResult};
use tokio::time::Instant;

use crate::config::ToolCacheConfig;
use crate::time::after;
use crate::types::{Digest, DigestKey, Era, PoolKey, PrehashedState, Scope, upstream_headers};

/// The lists that a pool keeps, one a key at most. A map and nothing else: how long a list may be
/// used is decided by tokio's clock, by whoever looks it up.
pub(crate) struct ToolLists {
    lists: Cache<PoolKey, Arc<Kept>, PrehashedState>,
    longest: Duration,
    max_bytes: u64,
}

/// A list as it is kept.
pub(crate) struct Kept {
    list: ListToolsResult,
    /// In bytes of JSON.
    size: u32,
    /// Whether the server gave it on one page, so that it is also the answer to a page.
    is_one_page: bool,
    fresh_until: Instant,
    /// The state of the server's list that it shows: see [`News`](crate::extend::handler::ListVersions).
    state: u64,
    /// With which credentials it was had, where it is good for no others.
    only_for: Option<Digest>,
}

/// A list as a server gave it.
pub(crate) struct Given<'a> {
    pub(crate) list: &'a ListToolsResult,
    pub(crate) pages: usize,
    pub(crate) era: Era,
    /// The state of the list before it was asked for.
    pub(crate) state: u64,
    /// The credentials it was asked for with, where they could be told.
    pub(crate) credentials: Option<Digest>,
}

impl ToolLists {
    /// `None` where the configuration keeps none.
    pub(crate) fn new(config: &ToolCacheConfig) -> Option<Self> {
        if config.tool_list_ttl.is_zero() {
            return None;
        }
        let lists = Cache::builder()
            .max_capacity(config.tool_list_max_bytes)
            .weigher(|_key, kept: &Arc<Kept>| kept.size)
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(PrehashedState);
        Some(Self {
            lists,
            longest: config.tool_list_ttl,
            max_bytes: config.tool_list_max_bytes,
        })
    }

    /// The list of a key, if it is fresh and shows this state of the server's list.
    pub(crate) fn fresh(&self, key: &PoolKey, state: u64, now: Instant) -> Option<Arc<Kept>> {
        let kept = self.lists.get(key)?;
        (kept.state == state && now < kept.fresh_until).then_some(kept)
    }

    /// Keeps a list, if its server allows that.
    pub(crate) fn keep(&self, key: &PoolKey, given: &Given<'_>, now: Instant) {
        let fresh_for = fresh_for(given, self.longest);
        let is_private = is_private(given);
        // A shared session's key tells no caller from another.
        let is_anybodys = is_private && *key.scope() == Scope::Shared;
        if fresh_for.is_zero() || is_anybodys || (is_private && given.credentials.is_none()) {
            return;
        }
        let size = size(given.list);
        if u64::from(size) > self.max_bytes {
            return;
        }
        let kept = Kept {
            list: given.list.clone(),
            size,
            is_one_page: given.pages == 1,
            fresh_until: after(now, fresh_for),
            state: given.state,
            only_for: given.credentials.filter(|_| is_private),
        };
        self.lists.insert(key.clone(), Arc::new(kept));
    }

    /// Lets go of the list of a key that was forgotten.
    pub(crate) fn remove(&self, key: &PoolKey) {
        self.lists.invalidate(key);
    }
}

impl Kept {
    pub(crate) fn list(&self) -> &ListToolsResult {
        &self.list
    }

    pub(crate) fn is_one_page(&self) -> bool {
        self.is_one_page
    }

    /// The credentials without which it must not be shown.
    pub(crate) fn only_for(&self) -> Option<Digest> {
        self.only_for
    }
}

/// How long a list is fresh. Servers without sessions say so, and one that does not say so is
/// stale at once (revision 2026-07-28, server/utilities/caching); others say when it changes.
fn fresh_for(given: &Given<'_>, longest: Duration) -> Duration {
    match (given.list.ttl_ms, given.era) {
        (Some(ttl), _) => Duration::from_millis(ttl).min(longest),
        (None, Era::Stateless) => Duration::ZERO,
        (None, Era::Legacy) => longest,
    }
}

/// Whether a list is good only for the credentials it was had with. Of servers without sessions,
/// those that do not say are taken at their most careful.
fn is_private(given: &Given<'_>) -> bool {
    match given.list.cache_scope {
        Some(CacheScope::Public) => false,
        Some(_) => true,
        None => given.era == Era::Stateless,
    }
}

/// What stands for the credentials in these headers: all of them but those of a single call.
pub(crate) fn credentials_digest(
    secret: &DigestKey,
    headers: &HeaderMap,
    passed: &[HeaderName],
) -> Digest {
    let headers = upstream_headers(headers);
    let mut fields: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !passed.contains(name))
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    // Values of one name keep their order.
    fields.sort_by_key(|(name, _)| *name);
    fields
        .into_iter()
        .fold(secret.digest("credentials"), |digest, (name, value)| {
            digest.field(name.as_bytes()).field(value)
        })
        .finish()
}

/// About how much memory a list takes: as much as its text.
fn size(list: &ListToolsResult) -> u32 {
    let mut length = Length(0);
    match serde_json::to_writer(&mut length, list) {
        Ok(()) => length.0.max(1),
        Err(_) => u32::MAX,
    }
}

/// Counts what is written.
struct Length(u32);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let more = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0 = self.0.saturating_add(more);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(list: &ListToolsResult, era: Era) -> Given<'_> {
        Given {
            list,
            pages: 1,
            era,
            state: 0,
            credentials: None,
        }
    }

    #[test]
    fn a_list_is_fresh_as_long_as_its_server_says_and_never_longer_than_the_pool_does() {
        let longest = Duration::from_secs(60);
        for (ttl, era, expected) in [
            (None, Era::Legacy, longest),
            (None, Era::Stateless, Duration::ZERO),
            (Some(0), Era::Stateless, Duration::ZERO),
            (Some(1_500), Era::Stateless, Duration::from_millis(1_500)),
            (Some(u64::MAX), Era::Stateless, longest),
            (Some(0), Era::Legacy, Duration::ZERO),
        ] {
            let list = ListToolsResult {
                ttl_ms: ttl,
                ..ListToolsResult::default()
            };
            assert_eq!(fresh_for(&given(&list, era), longest), expected, "{ttl:?}");
        }
    }

    #[test]
    fn a_list_is_private_unless_its_server_says_otherwise() {
        for (scope, era, expected) in [
            (None, Era::Legacy, false),
            (None, Era::Stateless, true),
            (Some(CacheScope::Private), Era::Legacy, true),
            (Some(CacheScope::Public), Era::Stateless, false),
        ] {
            let list = ListToolsResult {
                cache_scope: scope,
                ..ListToolsResult::default()
            };
            assert_eq!(
                is_private(&given(&list, era)),
                expected,
                "{scope:?} {era:?}"
            );
        }
    }

    #[test]
    fn credentials_are_told_apart_by_everything_that_outlives_a_call() {
        let secret = DigestKey::random();
        let digest = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            credentials_digest(&secret, &headers, &[])
        };
        let (auth, trace) = (("authorization", "Bearer a"), ("traceparent", "00-1"));
        let alone = digest(&[auth]);
        assert!(alone == digest(&[auth, trace]));
        assert!(alone == digest(&[("traceparent", "00-2"), auth]));
        assert!(alone != digest(&[("authorization", "Bearer b")]));
        assert!(alone != digest(&[auth, ("x-vendor-token", "b")]));
    }
}
