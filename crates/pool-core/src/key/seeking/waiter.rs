//! A caller that waits for a session.

use std::sync::Arc;

use crate::{
    error::{AcquireError, ConnectError, Stage},
    extend::Credential,
    key::{
        session::PooledSession,
        slots::{Caller, Ticket, WaitCell},
    },
    time::Timestamp,
    trace::WaitTrace,
    types::QuotaKind,
};

/// A caller that waits for a session of a key.
pub(crate) struct Waiter {
    /// The credential of the request, for a session that is opened for it.
    pub(crate) credential: Credential,
    pub(crate) began: Timestamp,
    pub(crate) deadline: Timestamp,
    /// What the caller waits for.
    pub(crate) stage: Stage,
    /// The spans of the waiting; `None` where nothing records them.
    pub(crate) trace: Option<Arc<WaitTrace>>,
}

/// What a caller that waits shares with those who serve it.
pub(crate) type SessionCell = WaitCell<Arc<PooledSession>, Waiter, Timestamp>;

/// The caller that a connect is for, though others may get its session.
pub(crate) struct Requester {
    /// `None` where no caller waits: the session is kept ready.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) credential: Credential,
    pub(crate) deadline: Timestamp,
    pub(crate) trace: Option<Arc<WaitTrace>>,
}

/// What a key lacks for one more session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// It is not in line for one.
    Nothing,
    /// A permit under `max_total_sessions`.
    Capacity,
    /// A permit under a quota.
    Quota(QuotaKind),
}

impl Caller for Waiter {
    type Error = AcquireError;
}

impl Waiter {
    /// What a connect for this waiter needs of it.
    pub(crate) fn requester(&self, ticket: Ticket) -> Requester {
        Requester {
            ticket: Some(ticket),
            credential: self.credential.clone(),
            deadline: self.deadline,
            trace: self.trace.clone(),
        }
    }

    /// The error of a waiter whose deadline has passed.
    pub(crate) fn timeout(
        &self,
        now: Timestamp,
        lack: Lack,
        last_cause: Option<Arc<ConnectError>>,
    ) -> AcquireError {
        let waited = now.since(self.began);
        let stage = match (self.stage, lack) {
            (Stage::Queue, Lack::Quota(quota)) => return AcquireError::Quota { quota, waited },
            (Stage::Queue, Lack::Capacity) => Stage::Capacity,
            (stage, _) => stage,
        };
        AcquireError::Timeout {
            stage,
            waited,
            last_cause,
        }
    }
}
