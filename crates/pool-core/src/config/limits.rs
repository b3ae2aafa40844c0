//! How much a pool may hold.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::{error::ConfigError, types::PoolLimits};

/// How many keys, sessions and concurrent calls a pool may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Concurrent calls on the one session of a conversation. Default: 64.
    pub max_concurrent_per_conversation: NonZeroU32,
    /// Concurrent calls on a session with a state (revision 2025-11-25 and before). An endpoint's
    /// own limit replaces it. Default: 1.
    pub max_concurrent_per_session: NonZeroU32,
    /// Concurrent calls on the one session without a state (revision 2026-07-28) of a key. An
    /// endpoint's own limit replaces it. Default: 256.
    pub max_concurrent_per_stateless_session: NonZeroU32,
    /// Items of one list that is read to its end, such as by
    /// [`list_all_tools`](crate::PooledClient::list_all_tools). 0: no limit. Default: 100,000.
    pub max_list_items: usize,
    /// Pages of one list that is read to its end. 0: no limit. Default: 1,000.
    pub max_list_pages: usize,
    /// Sessions of one key: in use, idle and connecting. At least 1. Default: 10.
    ///
    /// A conversation has one session, since a second one would not share its state. So has a key
    /// of a server without sessions, since a second one would add nothing.
    pub max_sessions_per_key: usize,
    /// Keys of the pool. 0: no limit. Default: 100,000.
    pub max_total_keys: usize,
    /// Sessions of the pool: in use, idle and connecting. 0: no limit. Default: 4,096.
    pub max_total_sessions: usize,
}

impl LimitsConfig {
    /// The limits that change while a pool works.
    #[must_use]
    pub fn pool_limits(&self) -> PoolLimits {
        PoolLimits {
            max_sessions_per_key: self.max_sessions_per_key,
            max_total_keys: self.max_total_keys,
            max_total_sessions: self.max_total_sessions,
        }
    }
}

/// Checks limits against their bounds.
///
/// # Errors
/// [`ConfigError::Bound`] names the limit that is out of them.
pub(crate) fn validate_limits(limits: &PoolLimits) -> Result<(), ConfigError> {
    match limits.max_sessions_per_key {
        0 => Err(ConfigError::at_least_one("max_sessions_per_key")),
        _ => Ok(()),
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_concurrent_per_conversation: NonZeroU32::new(64).expect("64 is not zero"),
            // Not every server separates two concurrent calls of one session.
            max_concurrent_per_session: NonZeroU32::MIN,
            // Calls share connections only; the limit bounds what one caller can cost a server.
            max_concurrent_per_stateless_session: NonZeroU32::new(256).expect("256 is not zero"),
            // Ten times the largest lists of tools that gateways merge.
            max_list_items: 100_000,
            // A server that gives one item a page, and a full list of a large one.
            max_list_pages: 1_000,
            max_sessions_per_key: 10,
            // About 125 MB of bookkeeping.
            max_total_keys: 100_000,
            // An idle session costs 52 to 97 KB and up to one socket: 400 MB at most.
            max_total_sessions: 4_096,
        }
    }
}
