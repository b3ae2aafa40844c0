//! How much a pool may hold.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{error::ConfigError, types::PoolLimits, wire::DEFAULT_INBOX_BOUND};

/// How many keys, sessions and concurrent calls a pool may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Leases on sessions of one endpoint, whatever its settings, and callers that are about to get one. One
    /// more waits for the end of another one, and keeps no other endpoint's callers waiting. An endpoint's
    /// own number ([`Endpoint::with_max_calls`](crate::Endpoint::with_max_calls)) replaces it. 0: no quota.
    /// Default: 0.
    pub max_calls_per_endpoint: usize,
    /// As [`max_calls_per_endpoint`](Self::max_calls_per_endpoint), of one principal. All anonymous
    /// principals are one. 0: no quota. Default: 0.
    pub max_calls_per_principal: usize,
    /// As [`max_calls_per_endpoint`](Self::max_calls_per_endpoint), of the principals of one tenant. 0: no
    /// quota. Default: 0.
    pub max_calls_per_tenant: usize,
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
    /// Callers that wait for a session of one key. One more gets
    /// [`AcquireError::Overloaded`](crate::error::AcquireError::Overloaded) at once. 0: no limit.
    /// Default: 10,000.
    pub max_waiters_per_key: usize,
    /// Callers that wait in all for the principals of one share
    /// ([`SharePolicy`](crate::extend::SharePolicy)). 0: no limit. Default: 20,000.
    pub max_waiters_per_share: usize,
    /// Callers that wait in the whole pool. 0: no limit. Default: 100,000.
    pub max_total_waiters: usize,
    /// Sessions that a key keeps ready for calls to come, as far as the other limits allow. They are
    /// opened in the background with the latest credential of the key, after a short random delay: from
    /// the first request of the key ([`SessionPool::client`](crate::SessionPool::client) is one) until
    /// the key is removed. A conversation keeps none. An endpoint's own number replaces it. Default: 0.
    pub min_idle_per_key: usize,
    /// Notifications of one session's server that wait for the handler at the same time. Further ones hold
    /// up the stream that they come on, for at most one second together, and are then dropped and counted
    /// in [`PoolStats::server_notifications_dropped`](crate::stats::PoolStats::server_notifications_dropped).
    /// Progress for the caller of a call is not among them. 0: no limit; less than 8 counts as 8.
    /// Default: 256.
    pub max_server_notifications_per_session: usize,
    /// Requests of one session's server that wait for the handler at the same time. Further ones are
    /// answered with a JSON-RPC error and counted in
    /// [`PoolStats::server_requests_refused`](crate::stats::PoolStats::server_requests_refused). 0: no limit.
    /// Default: 256.
    pub max_server_requests_per_session: usize,
    /// Sessions with one endpoint, whatever its settings: in use, idle and connecting. A key that needs one
    /// more waits for one of them, and keeps no key of another endpoint waiting; an idle one is closed for
    /// it. An endpoint's own number ([`Endpoint::with_max_sessions`](crate::Endpoint::with_max_sessions))
    /// replaces it. 0: no quota. Default: 0.
    pub max_sessions_per_endpoint: usize,
    /// Sessions of one key: in use, idle and connecting. At least 1. Default: 10.
    ///
    /// A conversation has one session, since a second one would not share its state. So has a key
    /// of a server without sessions, since a second one would add nothing.
    pub max_sessions_per_key: usize,
    /// As [`max_sessions_per_endpoint`](Self::max_sessions_per_endpoint), of one principal. Shared sessions
    /// have none. 0: no quota. Default: 0.
    pub max_sessions_per_principal: usize,
    /// As [`max_sessions_per_endpoint`](Self::max_sessions_per_endpoint), of the principals of one tenant.
    /// 0: no quota. Default: 0.
    pub max_sessions_per_tenant: usize,
    /// Resources that the callers of one key are subscribed to at the same time
    /// ([`PooledClient::subscribe`](crate::PooledClient::subscribe)). One more gets
    /// [`SubscriptionError::TooMany`](crate::error::SubscriptionError::TooMany). 0: no limit.
    /// Default: 1,000.
    pub max_subscriptions_per_key: usize,
    /// Keys of the pool. 0: no limit. Default: 100,000.
    pub max_total_keys: usize,
    /// Sessions of the pool: in use, idle and connecting. 0: no limit. Default: 4,096.
    pub max_total_sessions: usize,
    /// The delay that the queue of a key, or the line of the keys that wait for their first session under
    /// `max_total_sessions`, may have for a while. Above it the pool is overloaded, and
    /// callers that cannot be served before their deadline, by the pace of the queue, get
    /// [`AcquireError::Overloaded`](crate::error::AcquireError::Overloaded) at once. 0: they wait for
    /// their deadline. Default: 250 ms.
    #[serde(with = "crate::config::duration")]
    pub shed_delay_target: Duration,
}

impl LimitsConfig {
    /// The limits of callers that wait, as numbers that are compared.
    pub(crate) fn waiters(&self) -> WaiterLimits {
        let limit = |most: usize| if most == 0 { usize::MAX } else { most };
        WaiterLimits {
            per_key: limit(self.max_waiters_per_key),
            per_share: limit(self.max_waiters_per_share),
            in_all: limit(self.max_total_waiters),
        }
    }

    /// The limits that change while a pool works.
    #[must_use]
    pub fn pool_limits(&self) -> PoolLimits {
        PoolLimits {
            max_calls_per_endpoint: self.max_calls_per_endpoint,
            max_calls_per_principal: self.max_calls_per_principal,
            max_calls_per_tenant: self.max_calls_per_tenant,
            max_sessions_per_endpoint: self.max_sessions_per_endpoint,
            max_sessions_per_key: self.max_sessions_per_key,
            max_sessions_per_principal: self.max_sessions_per_principal,
            max_sessions_per_tenant: self.max_sessions_per_tenant,
            max_total_keys: self.max_total_keys,
            max_total_sessions: self.max_total_sessions,
        }
    }
}

/// How many callers may wait. [`usize::MAX`] for no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaiterLimits {
    pub(crate) per_key: usize,
    pub(crate) per_share: usize,
    pub(crate) in_all: usize,
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
            // A caller that waits costs about 5 KB, 9 KB with a key of its own; so many at once are an overload everywhere.
            max_waiters_per_key: 10_000,
            max_waiters_per_share: 20_000,
            max_total_waiters: 100_000,
            // Sessions on demand cost servers nothing that is not used.
            min_idle_per_key: 0,
            max_sessions_per_key: 10,
            max_server_notifications_per_session: DEFAULT_INBOX_BOUND,
            max_server_requests_per_session: DEFAULT_INBOX_BOUND,
            // As the next two, and those of calls: who may have how much is the operator's to decide.
            max_sessions_per_endpoint: 0,
            max_sessions_per_principal: 0,
            max_sessions_per_tenant: 0,
            max_calls_per_endpoint: 0,
            max_calls_per_principal: 0,
            max_calls_per_tenant: 0,
            // Each costs about 5 KB, most of it for updates that wait.
            max_subscriptions_per_key: 1_000,
            // About 125 MB of bookkeeping.
            max_total_keys: 100_000,
            // An idle session costs about 4 KB, and one with a stream a socket and a task besides.
            max_total_sessions: 4_096,
            // A burst is served within it; a queue that stays longer grows.
            shed_delay_target: Duration::from_millis(250),
        }
    }
}
