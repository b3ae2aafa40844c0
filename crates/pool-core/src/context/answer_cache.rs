//! The cache of lists and of contents of resources, which saves requests to the server.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName};
use moka::{policy::EvictionPolicy, sync::Cache};
use rmcp::model::{CacheScope, ServerResult};
use tokio::time::Instant;

use crate::{
    config::ToolCacheConfig,
    time::after,
    types::{Digest, DigestKey, Era, PoolKey, Scope, upstream_headers},
};

/// The cached answers, at most one a key and subject. The map only bounds the memory: tokio's clock
/// decides at each lookup how long an answer is fresh.
pub(crate) struct AnswerCache {
    answers: Cache<CacheKey, Arc<Kept>, foldhash::quality::RandomState>,
    config: ToolCacheConfig,
}

/// What an answer is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The content of a resource.
    Content(Arc<str>),
    Prompts,
    Resources,
    Skills,
    Templates,
    Tools,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct CacheKey {
    key: PoolKey,
    subject: Subject,
}

/// An answer as it is kept.
pub(crate) struct Kept {
    result: ServerResult,
    /// In bytes of JSON.
    size: u32,
    /// Whether the server gave it on one page, so that it is also the answer to a page.
    is_one_page: bool,
    fresh_until: Instant,
    /// The version of what it shows: see [`ListVersions`](crate::handler::ListVersions).
    state: u64,
    /// With which credentials it was had, where it is good for no others.
    only_for: Option<Digest>,
}

/// An answer as a server gave it.
pub(crate) struct Given<'a> {
    pub(crate) result: &'a ServerResult,
    pub(crate) pages: usize,
    pub(crate) era: Era,
    /// The version of what it shows, before it was requested.
    pub(crate) state: u64,
    /// The credentials of the request, where they are known.
    pub(crate) credentials: Option<Digest>,
}

/// What a server allows of an answer.
#[derive(Clone, Copy, Default)]
struct Hints {
    ttl_ms: Option<u64>,
    scope: Option<CacheScope>,
}

impl AnswerCache {
    /// `None` where the configuration keeps nothing.
    pub(crate) fn new(config: &ToolCacheConfig) -> Option<Self> {
        let longest = config.tool_list_ttl.max(config.list_ttl);
        let longest = longest.max(config.resource_ttl);
        if longest.is_zero() {
            return None;
        }
        let answers = Cache::builder()
            .max_capacity(config.tool_list_max_bytes)
            .weigher(|_key, kept: &Arc<Kept>| kept.size)
            .eviction_policy(EvictionPolicy::lru())
            // By the real time, for the answers of keys that are gone.
            .time_to_live(longest.min(LONGEST_MEMORY))
            .build_with_hasher(foldhash::quality::RandomState::default());
        Some(Self {
            answers,
            config: config.clone(),
        })
    }

    /// Whether answers about this are kept.
    pub(crate) fn keeps(&self, subject: &Subject) -> bool {
        !self.longest(subject).is_zero()
    }

    /// The answer for a key, if it is fresh and shows this version.
    pub(crate) fn fresh(
        &self,
        key: &PoolKey,
        subject: &Subject,
        state: u64,
        now: Instant,
    ) -> Option<Arc<Kept>> {
        let kept = self.answers.get(&CacheKey::new(key, subject))?;
        (kept.state == state && now < kept.fresh_until).then_some(kept)
    }

    /// Keeps an answer, if its server allows that.
    pub(crate) fn keep(&self, key: &PoolKey, subject: &Subject, given: &Given<'_>, now: Instant) {
        let hints = Hints::of(given.result);
        let fresh_for = hints.fresh_for(given.era, self.longest(subject));
        let is_private = hints.is_private(given.era);
        // The key of a shared session does not separate one caller from another.
        let is_anybodys = is_private && *key.scope() == Scope::Shared;
        if fresh_for.is_zero() || is_anybodys || (is_private && given.credentials.is_none()) {
            return;
        }
        let size = size(given.result);
        if u64::from(size) > self.config.tool_list_max_bytes {
            return;
        }
        let kept = Kept {
            result: given.result.clone(),
            size,
            is_one_page: given.pages == 1,
            fresh_until: after(now, fresh_for),
            state: given.state,
            only_for: given.credentials.filter(|_| is_private),
        };
        let key = CacheKey::new(key, subject);
        self.answers.insert(key, Arc::new(kept));
    }

    /// Removes the lists of a removed key. Contents of resources leave by their age.
    pub(crate) fn remove(&self, key: &PoolKey) {
        for subject in [
            Subject::Prompts,
            Subject::Resources,
            Subject::Skills,
            Subject::Templates,
            Subject::Tools,
        ] {
            self.answers.invalidate(&CacheKey::new(key, &subject));
        }
    }

    fn longest(&self, subject: &Subject) -> Duration {
        match subject {
            Subject::Content(_) => self.config.resource_ttl,
            Subject::Prompts | Subject::Resources | Subject::Skills | Subject::Templates => {
                self.config.list_ttl
            }
            Subject::Tools => self.config.tool_list_ttl,
        }
    }
}

impl CacheKey {
    fn new(key: &PoolKey, subject: &Subject) -> Self {
        Self {
            key: key.clone(),
            subject: subject.clone(),
        }
    }
}

impl Kept {
    pub(crate) fn result(&self) -> &ServerResult {
        &self.result
    }

    pub(crate) fn is_one_page(&self) -> bool {
        self.is_one_page
    }

    /// The credentials without which it must not be shown.
    pub(crate) fn only_for(&self) -> Option<Digest> {
        self.only_for
    }
}

impl Hints {
    /// The hints of a result. One of another kind is stale at once.
    fn of(result: &ServerResult) -> Self {
        let (ttl_ms, scope) = match result {
            ServerResult::ListPromptsResult(list) => (list.ttl_ms, list.cache_scope),
            ServerResult::ListResourcesResult(list) => (list.ttl_ms, list.cache_scope),
            ServerResult::ListResourceTemplatesResult(list) => (list.ttl_ms, list.cache_scope),
            ServerResult::ListToolsResult(list) => (list.ttl_ms, list.cache_scope),
            ServerResult::ReadResourceResult(read) => (read.ttl_ms, read.cache_scope),
            _ => (Some(0), None),
        };
        Self { ttl_ms, scope }
    }

    /// How long an answer is fresh. A stateless server sends the time, and without one its answer is
    /// stale at once (revision 2026-07-28, server/utilities/caching). A legacy server sends a
    /// notification when a list changes.
    fn fresh_for(self, era: Era, longest: Duration) -> Duration {
        match (self.ttl_ms, era) {
            (Some(ttl), _) => Duration::from_millis(ttl).min(longest),
            (None, Era::Stateless) => Duration::ZERO,
            (None, Era::Legacy) => longest,
        }
    }

    /// True when an answer is valid only for the credentials of its request. For a stateless server
    /// that sends no scope, the strictest one applies.
    fn is_private(self, era: Era) -> bool {
        match self.scope {
            Some(CacheScope::Public) => false,
            Some(_) => true,
            None => era == Era::Stateless,
        }
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

/// About how much memory an answer takes: as much as its text.
fn size(result: &ServerResult) -> u32 {
    let mut length = Length(0);
    match serde_json::to_writer(&mut length, result) {
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

/// The longest that the map itself keeps anything.
const LONGEST_MEMORY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_for_the_shorter_of_the_times_of_its_server_and_of_the_pool() {
        let longest = Duration::from_secs(60);
        for (ttl_ms, era, expected) in [
            (None, Era::Legacy, longest),
            (None, Era::Stateless, Duration::ZERO),
            (Some(0), Era::Stateless, Duration::ZERO),
            (Some(1_500), Era::Stateless, Duration::from_millis(1_500)),
            (Some(u64::MAX), Era::Stateless, longest),
            (Some(0), Era::Legacy, Duration::ZERO),
        ] {
            let hints = Hints {
                ttl_ms,
                scope: None,
            };
            assert_eq!(hints.fresh_for(era, longest), expected, "{ttl_ms:?}");
        }
    }

    #[test]
    fn an_answer_of_a_stateless_server_is_private_without_a_scope() {
        for (scope, era, expected) in [
            (None, Era::Legacy, false),
            (None, Era::Stateless, true),
            (Some(CacheScope::Private), Era::Legacy, true),
            (Some(CacheScope::Public), Era::Stateless, false),
        ] {
            let hints = Hints {
                ttl_ms: None,
                scope,
            };
            assert_eq!(hints.is_private(era), expected, "{scope:?} {era:?}");
        }
    }

    #[test]
    fn each_kind_of_answer_has_its_hints_and_another_one_is_stale_at_once() {
        let hinted = |value: serde_json::Value| {
            let result: ServerResult = serde_json::from_value(value).unwrap();
            Hints::of(&result).ttl_ms
        };
        for list in [
            "prompts",
            "resources",
            "resourceTemplates",
            "tools",
            "contents",
        ] {
            let mut value = serde_json::json!({ "ttlMs": 7, "cacheScope": "public" });
            value[list] = serde_json::json!([]);
            assert_eq!(hinted(value), Some(7), "{list}");
        }
        assert_eq!(hinted(serde_json::json!({ "any": 1 })), Some(0));
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
