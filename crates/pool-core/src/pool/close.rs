//! Closing a pool.

use std::time::Duration;

use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout_at},
};

use super::session_pool::SessionPool;
use crate::{
    acquire::Acquirer, context::Counters, extend::CloseReason, key::KeyPlace, stats::CloseReport,
    time::after, types::Selector,
};

impl SessionPool {
    /// Closes the pool for good: every later acquire fails, callers that wait get
    /// [`AcquireError::Closed`](crate::error::AcquireError::Closed), idle sessions are closed at once,
    /// those in use when their leases end. After `timeout` the sessions still in use are closed under
    /// their users. The pool waits for the farewells until `timeout` has passed as well. It waits for 100 ms
    /// more where the last lease ended in its last moment, and for one
    /// [`close_timeout`](crate::config::TimeoutsConfig::close_timeout) more where it closed sessions under
    /// their users. What is unfinished then goes on in the background, and another call waits for it.
    ///
    /// # Cancel safety
    /// The pool is closed whatever becomes of the future; dropping it ends the waiting, and no
    /// session is closed under its user then.
    pub async fn close(&self, timeout: Duration) -> CloseReport {
        let deadline = after(Instant::now(), timeout);
        let acquirer = &self.acquirer;
        let counters = &acquirer.context().counters;
        let before = Counters::read(&counters.closed);
        let turned_away = close_in_slices(acquirer).await;
        let sessions = &acquirer.services.capacity.sessions;
        let all_released = async {
            while sessions.taken() > 0 {
                sleep(POLL_INTERVAL).await;
            }
        };
        let forced = match timeout_at(deadline, all_released).await {
            Ok(()) => 0,
            Err(_) => force(acquirer).await,
        };
        let at_least = match forced {
            0 => SHORTEST_WAIT,
            _ => acquirer.context().close_timeout(),
        };
        let farewells = after(Instant::now(), at_least).max(deadline);
        let complete = timeout_at(farewells, all_closed(acquirer)).await.is_ok();
        let closed = Counters::read(&counters.closed);
        let unfinished = Counters::read(&counters.opened).saturating_sub(closed);
        let closed = closed - before;
        CloseReport {
            closed: closed.saturating_sub(forced),
            forced,
            turned_away,
            unfinished,
            farewells_failed: Counters::read(&counters.farewells_failed),
            complete,
        }
    }
}

/// Closes the pool for new requests at once, and its keys some at a time. Returns how many callers waited.
///
/// # Cancel safety
/// A dropped future closes the rest of the keys at once.
async fn close_in_slices(acquirer: &Acquirer) -> u64 {
    let mut turned_away = acquirer.close_for_new();
    let mut rest = OpenKeys(Some(acquirer));
    let mut next = Some(KeyPlace::default());
    while let Some(from) = next {
        let (keys, then) = acquirer.keys.select_some(&Selector::All, from, AT_ONCE);
        turned_away += acquirer.close_keys(keys);
        next = then;
        if next.is_some() {
            yield_now().await;
        }
    }
    rest.0 = None;
    turned_away
}

/// The keys of a pool that is being closed. Dropped, it closes those that are open.
struct OpenKeys<'a>(Option<&'a Acquirer>);

impl Drop for OpenKeys<'_> {
    fn drop(&mut self) {
        if let Some(acquirer) = self.0 {
            acquirer.close_keys(acquirer.keys.iter());
        }
    }
}

/// Closes every session that is still in use, some at a time. Returns their number.
async fn force(acquirer: &Acquirer) -> u64 {
    let services = &acquirer.services;
    let mut forced = 0;
    let mut next = Some(0);
    while let Some(from) = next {
        let (in_use, then) = services.sessions.some(from, AT_ONCE);
        forced += in_use.len() as u64;
        for session in in_use {
            services.close(session, CloseReason::ForcedShutdown);
        }
        next = then;
        if next.is_some() {
            yield_now().await;
        }
    }
    forced
}

/// Returns once every session that was opened is closed.
async fn all_closed(acquirer: &Acquirer) {
    let context = acquirer.context();
    let counters = &context.counters;
    while !context.tasks.is_empty()
        || Counters::read(&counters.closed) < Counters::read(&counters.opened)
    {
        sleep(POLL_INTERVAL).await;
    }
}

/// So many keys or sessions are closed before other tasks run.
const AT_ONCE: usize = 25;
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// A farewell takes a few milliseconds, also where the last lease ends in the last moment.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
