//! A cheap summary of a pool.

use serde::Serialize;

use crate::{acquire::Acquirer, context::Counters};

/// A cheap summary of a pool: no key is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolStatus {
    /// True once the pool is closed or closing.
    pub closed: bool,
    /// Keys that exist now.
    pub keys: usize,
    /// The limit of sessions of one key.
    pub max_sessions_per_key: usize,
    /// The limit of keys; 0 for none.
    pub max_total_keys: usize,
    /// Sessions that are open or being opened now.
    pub sessions: usize,
    /// The limit of sessions; 0 for none.
    pub max_total_sessions: usize,
    /// Sessions opened so far.
    pub sessions_opened: u64,
    /// Sessions closed so far, farewell included.
    pub sessions_closed: u64,
    /// True while a caller waits for a session or a key under one of the limits over all keys.
    pub is_full: bool,
}

impl PoolStatus {
    pub(crate) fn of(pool: &Acquirer) -> Self {
        let (context, capacity) = (pool.context(), &pool.services.capacity);
        let limits = *capacity.limits();
        Self {
            closed: context.is_closed(),
            keys: capacity.keys.taken(),
            max_sessions_per_key: limits.max_sessions_per_key,
            max_total_keys: limits.max_total_keys,
            sessions: capacity.sessions.taken(),
            max_total_sessions: limits.max_total_sessions,
            sessions_opened: Counters::read(&context.counters.opened),
            sessions_closed: Counters::read(&context.counters.closed),
            is_full: capacity.has_waiters(),
        }
    }
}
