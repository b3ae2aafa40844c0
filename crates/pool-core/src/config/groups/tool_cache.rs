//! Which lists and contents of resources the pool caches.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long and how large the cache of lists and of contents of resources is. Off by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ToolCacheConfig {
    /// The longest life of a cached list of prompts, resources, resource templates or skills, as
    /// [`tool_list_ttl`](Self::tool_list_ttl) for tools. 0: every list is requested. Default: 0.
    #[serde(with = "crate::config::duration")]
    pub list_ttl: Duration,
    /// The longest life of a cached content of a resource. It leaves the cache earlier by the
    /// server's own hints, as a list does, and with any update of a resource that the server reports
    /// to the key. 0: every resource is read from its server. Default: 0.
    ///
    /// A server up to revision 2025-11-25 reports updates of subscribed resources alone
    /// ([`PooledClient::subscribe`](crate::PooledClient::subscribe)): what it does not report is
    /// as old as this at most.
    #[serde(with = "crate::config::duration")]
    pub resource_ttl: Duration,
    /// The size of the whole cache, in bytes of JSON: of tool lists, and of the other lists and
    /// contents. The least recently used answer is evicted first; one larger than the cache is
    /// not cached. Default: 64 MiB.
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
            // As for lists of tools.
            list_ttl: Duration::ZERO,
            resource_ttl: Duration::ZERO,
            // A thousand lists of 64 KB, which is a hundred well described tools each.
            tool_list_max_bytes: 64 * 1024 * 1024,
            // Not every server announces a change of its list, and a stale list is a surprise.
            tool_list_ttl: Duration::ZERO,
        }
    }
}
