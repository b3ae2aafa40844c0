//! The guard of a connect that a key has reserved.

use std::sync::Arc;

use tokio::time::Instant;

use super::waiter::Requester;
use crate::{
    error::{AcquireError, ConnectError, Stage},
    key::{
        key_pool::KeyPool,
        runner::{ConnectStarter, run, run_with},
        session::PooledSession,
        slots::Blame,
    },
    time::{Timestamp, after},
};

/// The guard of a connect that is reserved under the limit of its key. Dropped before it is settled,
/// it fails no waiter.
pub(crate) struct Reservation {
    pub(crate) key: Arc<KeyPool>,
    pub(crate) requester: Requester,
    is_settled: bool,
    /// True once it led to a session.
    is_admitted: bool,
}

impl Reservation {
    /// Reserves a connect, if a waiter of the key needs one and the limit of the key allows it.
    pub(crate) fn of(key: &Arc<KeyPool>) -> Option<Self> {
        let requester = key.reserve_connect()?;
        Some(Self {
            key: Arc::clone(key),
            requester,
            is_settled: false,
            is_admitted: false,
        })
    }

    /// Reserves a connect that no caller waits for, if the key is to keep more sessions ready and has a
    /// credential for them.
    pub(crate) fn spare(key: &Arc<KeyPool>, now: Timestamp) -> Option<Self> {
        let credential = key.credentials.usable(now)?;
        if !key.reserve_spare(now) {
            return None;
        }
        let context = &key.services.context;
        let timeout = context.config.timeouts.session_create_timeout;
        let requester = Requester {
            ticket: None,
            credential,
            deadline: context.clock.timestamp(after(Instant::now(), timeout)),
            trace: None,
        };
        Some(Self {
            key: Arc::clone(key),
            requester,
            is_settled: false,
            is_admitted: false,
        })
    }

    /// True while the session is of use to anyone.
    pub(crate) fn is_wanted(&self) -> bool {
        self.requester.ticket.is_none() || self.key.has_waiters()
    }

    /// Sets what the requester waits for.
    pub(crate) fn enter(&self, stage: Stage) {
        if let Some(ticket) = self.requester.ticket {
            self.key.enter(ticket, stage);
        }
    }

    /// Gives the reserved connect to a session.
    pub(crate) fn admit(mut self, session: Arc<PooledSession>, starter: &impl ConnectStarter) {
        (self.is_settled, self.is_admitted) = (true, true);
        run_with(&self.key, self.key.admit(session), starter);
        run(&self.key, self.key.plan_spares());
    }

    /// Ends the reserved connect with the error of its connector.
    pub(crate) fn fail_connect(mut self, error: ConnectError) {
        if let Some(trace) = &self.requester.trace {
            trace.connect_failed(error.label());
        }
        let wait = error.wait_for_further_session();
        let is_about_credentials = error.kind().is_about_credentials();
        let error = Arc::new(error);
        self.key.history.connect_failed(Arc::clone(&error));
        if let Some(wait) = wait
            && let Some(effects) = self.key.pause_connects(wait)
        {
            self.is_settled = true;
            return run(&self.key, effects);
        }
        let blame = match (self.requester.ticket, is_about_credentials) {
            // Those who wait have a connect of their own coming.
            (None, _) => Blame::None,
            (Some(_), true) => Blame::Caller,
            (Some(_), false) => Blame::Endpoint,
        };
        self.fail(&AcquireError::Connect(error), blame);
    }

    /// Ends the reserved connect and fails the waiters that it was for.
    pub(crate) fn fail(mut self, error: &AcquireError, blame: Blame) {
        self.is_settled = true;
        let effects = self.key.abandon(self.requester.ticket, blame, error);
        run(&self.key, effects);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.is_settled {
            let error = &AcquireError::Closed;
            let effects = self.key.abandon(self.requester.ticket, Blame::None, error);
            run(&self.key, effects);
        }
        if self.requester.ticket.is_none() && !self.is_admitted {
            run(&self.key, self.key.pause_spares());
        }
    }
}
