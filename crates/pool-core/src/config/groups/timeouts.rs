//! How long things may take, and how long they may live.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the pool waits, and how long it keeps sessions, keys and what it learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TimeoutsConfig {
    /// The whole of an acquire: identity, capacity, connect and queue. A limit of 10 s and more is measured to
    /// some milliseconds. Default: 30 s.
    #[serde(with = "crate::config::duration")]
    pub acquire_timeout: Duration,
    /// The whole of a call of a [`PooledClient`](crate::PooledClient), waiting for a session
    /// included. Default: 30 s.
    #[serde(with = "crate::config::duration")]
    pub call_timeout: Duration,
    /// Closing one session with its protocol's farewell. Default: 2 s.
    #[serde(with = "crate::config::duration")]
    pub close_timeout: Duration,
    /// The life of a detected transport ([`Endpoint::auto`](crate::Endpoint::auto)). After it the
    /// pool detects again in the background. Default: 10 min.
    #[serde(with = "crate::config::duration")]
    pub detected_transport_ttl: Duration,
    /// The idle time after which a key is removed and its idle sessions are closed. Default: 10 min.
    #[serde(with = "crate::config::duration")]
    pub idle_pool_eviction: Duration,
    /// The time after which a lease that is still held is reported, once, with the line of code that
    /// took it ([`Observer::lease_overdue`](crate::extend::Observer::lease_overdue)). The pool then
    /// keeps a list of its leases ([`held_leases`](crate::SessionPool::held_leases)), which costs each
    /// acquire a lock and an allocation. 0: leases are not watched. Default: 0.
    #[serde(with = "crate::config::duration")]
    pub lease_overdue_after: Duration,
    /// The delay before a handler receives a list change, counted from the first notification that
    /// a session of the key receives. The handler receives a burst of changes once, at the end of
    /// the delay or with the end of the session. The pool itself reacts at once. 0: the handler
    /// receives every change. Default: 5 s.
    #[serde(with = "crate::config::duration")]
    pub list_changed_debounce: Duration,
    /// Opening one session, handshake included. Default: 30 s.
    #[serde(with = "crate::config::duration")]
    pub session_create_timeout: Duration,
    /// The longest life of a session. A session without a state does not age. Default: 5 min.
    #[serde(with = "crate::config::duration")]
    pub session_ttl: Duration,
    /// The part of `session_ttl` by which lives are shortened at random, 0.0 to 1.0. Default: 0.1.
    pub session_ttl_jitter: f64,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        Self {
            // As long as gateways let their own callers wait.
            acquire_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            // A farewell takes under a millisecond; a server that hangs must not delay a shutdown.
            close_timeout: Duration::from_secs(2),
            // Servers change their transport with a release; a denial triggers detection at once.
            detected_transport_ttl: Duration::from_secs(600),
            // Twice the life of a session: nothing is left to keep after it.
            idle_pool_eviction: Duration::from_secs(600),
            // For the search of a leak: calls of a client end with their deadline anyway.
            lease_overdue_after: Duration::ZERO,
            // A server that reloads sends one notification for every tool.
            list_changed_debounce: Duration::from_secs(5),
            session_create_timeout: Duration::from_secs(30),
            // Servers commonly drop sessions after five idle minutes.
            session_ttl: Duration::from_secs(300),
            // Sessions that were opened together do not end together.
            session_ttl_jitter: 0.1,
        }
    }
}
