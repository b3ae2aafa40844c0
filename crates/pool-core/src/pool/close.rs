//! Closing a pool.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use super::session_pool::SessionPool;
use crate::{
    acquire::Acquirer, context::Counters, extend::CloseReason, stats::CloseReport, time::after,
};

impl SessionPool {
    /// Closes the pool for good: every later acquire fails, callers that wait get
    /// [`AcquireError::Closed`](crate::error::AcquireError::Closed), idle sessions are closed at once,
    /// those in use when their leases end. After `timeout` the sessions still in use are closed under
    /// their users. The pool waits for the farewells until `timeout` has passed as well, and for two
    /// [`close_timeout`](crate::config::TimeoutsConfig::close_timeout)s after the last session was closed.
    ///
    /// # Cancel safety
    /// The pool is closed whatever becomes of the future; dropping it ends the waiting, and no
    /// session is closed under its user then.
    pub async fn close(&self, timeout: Duration) -> CloseReport {
        let deadline = after(Instant::now(), timeout);
        let acquirer = &self.acquirer;
        let counters = &acquirer.context().counters;
        let before = Counters::read(&counters.closed);
        let turned_away = acquirer.close();
        let sessions = &acquirer.services.capacity.sessions;
        let all_released = async {
            while sessions.taken() > 0 {
                sleep(POLL_INTERVAL).await;
            }
        };
        let forced = match timeout_at(deadline, all_released).await {
            Ok(()) => 0,
            Err(_) => force(acquirer),
        };
        let farewell_time = acquirer.context().close_timeout().saturating_mul(2);
        let farewells = after(Instant::now(), farewell_time).max(deadline);
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

/// Closes every session that is still in use. Returns their number.
fn force(acquirer: &Acquirer) -> u64 {
    let in_use = acquirer.services.sessions.all();
    for session in &in_use {
        acquirer
            .services
            .close(Arc::clone(session), CloseReason::ForcedShutdown);
    }
    in_use.len() as u64
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

const POLL_INTERVAL: Duration = Duration::from_millis(5);
