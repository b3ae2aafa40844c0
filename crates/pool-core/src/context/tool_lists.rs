//! The cache of tool lists, which saves requests to the server.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName};
use moka::{policy::EvictionPolicy, sync::Cache};
use rmcp::model::{CacheScope, ListToolsResult};
use tokio::time::Instant;

use crate::{
    config::ToolCacheConfig,
    time::after,
    types::{Digest, DigestKey, Era, PoolKey, PrehashedState, Scope, upstream_headers},
};

/// The cached lists, at most one a key. The map only bounds the memory: tokio's clock decides at
/// each lookup how long a list is fresh.
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
    /// The version of the list before it was requested.
    pub(crate) state: u64,
    /// The credentials of the request, where they are known.
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
        // The key of a shared session does not separate one caller from another.
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

    /// Removes the list of a removed key.
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

/// How long a list is fresh. A stateless server sends the time, and without one its list is stale
/// at once (revision 2026-07-28, server/utilities/caching). A legacy server sends a notification
/// when its list changes.
fn fresh_for(given: &Given<'_>, longest: Duration) -> Duration {
    match (given.list.ttl_ms, given.era) {
        (Some(ttl), _) => Duration::from_millis(ttl).min(longest),
        (None, Era::Stateless) => Duration::ZERO,
        (None, Era::Legacy) => longest,
    }
}

/// True when a list is valid only for the credentials of its request. For a stateless server that
/// sends no scope, the strictest one applies.
fn is_private(given: &Given<'_>) -> bool {
    match given.list.cache_scope {
        Some(CacheScope::Public) => false,
        Some(_) => true,
        None => given.era == Era::Stateless,
    }
}

/// A digest of the credentials in these headers: of all headers but those of a single call.
pub(crate) fn credentials_digest(
    secret: &DigestKey,
    headers: &HeaderMap,
    passed: &[HeaderName],
) -> Digest {
    let headers = upstream_headers(headers);
    let mut fields: Vec<_> = headers
        .iter()
        // A proof of possession is of one request, and no credential (RFC 9449 section 4).
        .filter(|(name, _)| !passed.contains(name) && *name != "dpop")
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
    fn a_list_is_fresh_for_the_shorter_of_the_times_of_its_server_and_of_the_pool() {
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
    fn a_list_of_a_stateless_server_is_private_without_a_scope() {
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
    fn credentials_differ_by_every_header_that_outlives_a_call() {
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
