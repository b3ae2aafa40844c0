//! The ends of a pool: drain, evict, close.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};

use super::{SessionPool, Shared, counters::Counters, sweep};
use crate::{
    ConversationId, Principal, Scope,
    bucket::{Bucket, Live},
    error::AcquireError,
    event::CloseReason,
};

/// What became of the sessions of a pool that was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CloseReport {
    /// Sessions that were closed after their users were done, or that had none.
    pub closed: u64,
    /// Sessions that were closed under their users since the deadline had passed.
    pub cut: u64,
    /// Callers that waited for a session and were told that the pool is closed.
    pub turned_away: u64,
    /// Whether every farewell was over by the end of the call.
    pub complete: bool,
}

impl SessionPool {
    /// Closes every session, and uses no session again that is open now. The pool stays usable:
    /// the next acquire opens a session. Sessions in use are closed when their leases end.
    ///
    /// For a rotation of certificates or a change of configuration. Returns how many sessions were
    /// idle and are being closed.
    pub fn drain(&self) -> usize {
        self.shared.retire_where(CloseReason::Drained, |_| true)
    }

    /// Ends a conversation: its idle sessions are closed now, those in use when their leases end.
    /// Returns how many sessions are being closed now.
    pub fn evict_conversation(&self, conversation: &ConversationId) -> usize {
        let is_of = |bucket: &Bucket| matches!(bucket.key.scope(), Scope::Conversation(id) if id == conversation);
        self.shared.retire_where(CloseReason::Evicted, is_of)
    }

    /// Retires every session of a gateway entry, see
    /// [`Endpoint::with_gateway`](crate::Endpoint::with_gateway).
    /// Returns how many sessions are being closed now.
    pub fn evict_gateway(&self, gateway: &str) -> usize {
        let is_of = |bucket: &Bucket| bucket.key.endpoint().gateway() == Some(gateway);
        self.shared.retire_where(CloseReason::Evicted, is_of)
    }

    /// Retires every session of a principal: for a logout, or when its rights were revoked.
    /// Returns how many sessions are being closed now.
    pub fn evict_principal(&self, principal: &Principal) -> usize {
        let is_of = |bucket: &Bucket| bucket.key.principal() == principal;
        self.shared.retire_where(CloseReason::Evicted, is_of)
    }

    /// Closes the pool for good: nobody gets a session any more, whoever waits is told so, idle
    /// sessions are closed at once, those in use when their leases end. Sessions still in use after
    /// `deadline` are closed under their users; their farewells are waited for once more as long
    /// as [`PoolConfig::close_timeout`](crate::PoolConfig).
    ///
    /// # Cancel safety
    /// The pool is closed whatever becomes of the future; dropping it stops only the waiting, and
    /// nothing is cut then.
    pub async fn close(&self, deadline: Duration) -> CloseReport {
        let deadline = crate::expiry::after(Instant::now(), deadline);
        let shared = &self.shared;
        let before = Counters::read(&shared.hub.counters.closed);
        let turned_away = shared.shut();
        let all_left = async {
            while shared.hub.capacity.sessions.taken() > 0 {
                sleep(BETWEEN_LOOKS).await;
            }
        };
        let cut = match timeout_at(deadline, all_left).await {
            Ok(()) => 0,
            Err(_) => shared.cut(),
        };
        let farewells = crate::expiry::after(Instant::now(), shared.hub.close_timeout() * 2);
        let complete = timeout_at(farewells, shared.farewells()).await.is_ok();
        let closed = Counters::read(&shared.hub.counters.closed) - before;
        CloseReport {
            closed: closed.saturating_sub(cut),
            cut,
            turned_away,
            complete,
        }
    }
}

impl Shared {
    /// Retires the sessions of some keys. Connects under way for them come too late.
    fn retire_where(&self, reason: CloseReason, is_meant: impl Fn(&Bucket) -> bool) -> usize {
        let mut closing = 0;
        for (_, bucket) in &self.buckets {
            if !is_meant(&bucket) {
                continue;
            }
            let unused = bucket.slots.retire();
            closing += unused.len();
            bucket.close_all(unused, reason);
            sweep::bury(self, &bucket, None, reason);
        }
        closing
    }

    /// Ends every key. Returns how many waiters were turned away.
    pub(super) fn shut(&self) -> u64 {
        self.hub.closed.store(true, Ordering::SeqCst);
        let mut turned_away = self.verdicts.shut() + self.hub.capacity.close() as u64;
        for (_, bucket) in &self.buckets {
            let Some(shut) = bucket.slots.shut() else {
                continue;
            };
            self.hub.counters.keep(shut.tally);
            bucket.close_all(shut.unused, CloseReason::Shutdown);
            for ask in shut.waiters {
                turned_away += u64::from(ask.give(Err(AcquireError::Closed)).is_ok());
            }
        }
        turned_away
    }

    /// Closes every session that is still in use. Returns how many.
    fn cut(&self) -> u64 {
        let in_use: Vec<Arc<Live>> = self.hub.registry.all();
        for live in &in_use {
            self.hub.close(Arc::clone(live), CloseReason::Cut);
        }
        in_use.len() as u64
    }

    /// Returns once every session that was opened is closed.
    async fn farewells(&self) {
        let counters = &self.hub.counters;
        while !self.hub.tasks.is_empty()
            || Counters::read(&counters.closed) < Counters::read(&counters.opened)
        {
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// How often a closing pool looks whether its users are done.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
