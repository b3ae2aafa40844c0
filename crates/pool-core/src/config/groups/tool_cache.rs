//! Which tool lists the pool caches.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long and how large the cache of tool lists is. Off by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ToolCacheConfig {
    /// The size of the cache, in bytes of JSON. The least recently used list is evicted first; a
    /// list larger than the cache is not cached. Default: 64 MiB.
    pub tool_list_max_bytes: u64,
    /// The longest life of a cached tool list. 0: every list is requested. Default: 0.
    ///
    /// A list leaves the cache earlier when its server sends a list change, when the server's own
    /// life for it ends (`ttlMs`), and, where the server binds it to one credential (`cacheScope`),
    /// when the caller sends another credential. To receive list changes, each session with a
    /// server up to revision 2025-11-25 then keeps a stream open: one connection and about 27 KB.
    #[serde(with = "crate::config::duration")]
    pub tool_list_ttl: Duration,
}

impl Default for ToolCacheConfig {
    fn default() -> Self {
        Self {
            // A thousand lists of 64 KB, which is a hundred well described tools each.
            tool_list_max_bytes: 64 * 1024 * 1024,
            // Not every server announces a change of its list, and a stale list is a surprise.
            tool_list_ttl: Duration::ZERO,
        }
    }
}
