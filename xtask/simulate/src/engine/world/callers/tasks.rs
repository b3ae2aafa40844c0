//! The tasks of callers.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    Lease, PooledClient, SessionPool,
    error::{AcquireError, CallError, Outcome},
    rmcp::model::CallToolRequestParams,
};
use mcp_pool_testkit::fake::SessionEnd;
use tokio::time::timeout;

use super::super::super::{
    coverage::Sometimes,
    history::Event,
    oracle::{Reported, Route},
};
use super::desk::{Client, Desk, Held, tool};
use super::people::Caller;

/// A task of a caller.
#[derive(Clone)]
pub(in super::super) struct Errand {
    pub(in super::super) desk: Desk,
    pub(in super::super) id: u64,
    pub(in super::super) caller: Arc<Caller>,
    /// When the caller drops the future, if it does.
    pub(in super::super) leaves_after: Option<Duration>,
}

impl Errand {
    /// What the history says of when the caller leaves.
    pub(in super::super) fn leave(&self) -> String {
        let leave = self.leaves_after;
        leave.map_or(String::new(), |after| format!(", leaves after {after:?}"))
    }

    /// Acquires a session by `work`, and keeps the lease.
    pub(in super::super) async fn acquire(
        self,
        work: impl Future<Output = Result<Lease, AcquireError>>,
    ) {
        let began = self.desk.history.current_step();
        self.desk.started(self.id, &self.caller, self.caller.limit);
        let result = self.unless_it_leaves(work).await;
        self.desk.ended(self.id);
        match result {
            None => {
                self.desk.history.note(&Event::Left(self.id));
                self.desk.history.reach(Sometimes::WaiterLeft);
            }
            Some(Ok(lease)) => {
                if !lease.is_fresh() && self.desk.history.current_step() != began {
                    self.desk.history.reach(Sometimes::Handover);
                }
                self.desk.take(self.id, &self.caller, lease);
            }
            Some(Err(error)) => self.desk.fail(self.id, &error),
        }
    }

    /// Makes a client, and keeps it.
    pub(in super::super) async fn make_client(self, pool: SessionPool) {
        self.desk.started(self.id, &self.caller, self.caller.limit);
        let request = self.caller.request.clone();
        let result = self.unless_it_leaves(pool.client(request)).await;
        self.desk.ended(self.id);
        match result {
            None => self.desk.history.note(&Event::Left(self.id)),
            Some(Ok(client)) => {
                self.desk.history.note(&Event::Client(self.id));
                let caller = Arc::clone(&self.caller);
                self.desk.lock().clients.push(Client { client, caller });
            }
            Some(Err(error)) => self.desk.fail(self.id, &error),
        }
    }

    /// Calls a tool by a client.
    pub(in super::super) async fn call_on_client(self, client: PooledClient, limit: Duration) {
        self.desk.started(self.id, &self.caller, limit);
        let call = {
            let mut state = self.desk.lock();
            let evictions = state.evictions.count();
            state.ledger.begin(Route::Client {
                keeps_state: matches!(self.caller.scope, mcp_pool_core::Scope::Conversation(_)),
                evictions,
            })
        };
        let client = client.with_timeout(limit);
        let work = client.call_tool(CallToolRequestParams::new(tool(call)));
        let result = self.unless_it_leaves(work).await;
        self.desk.ended(self.id);
        let reported = match &result {
            None => Reported::Dropped,
            Some(Ok(_)) => Reported::Answered,
            Some(Err(error)) => {
                if matches!(error, CallError::SessionLost) {
                    self.desk.history.reach(Sometimes::ConversationLost);
                }
                reported(error.outcome())
            }
        };
        self.desk.report(call, reported);
    }

    /// Calls a tool on a lease, and keeps the lease where the session is usable.
    pub(in super::super) async fn call_on_lease(self, held: Held, limit: Duration) {
        self.desk.started(self.id, &self.caller, limit);
        let call = self.desk.lock().ledger.begin(Route::Lease);
        let params = CallToolRequestParams::new(tool(call));
        let end = held.lease.info().metadata.get::<SessionEnd>();
        let end = end.expect("a session of the fake connector");
        let work = async {
            let peer = held.lease.peer().await;
            let peer = peer.map_err(|_| rmcp::ServiceError::TransportClosed)?;
            tokio::select! {
                biased;
                called = peer.call_tool(params) => called,
                () = end.comes() => {
                    Err(rmcp::ServiceError::TransportClosed)
                }
            }
        };
        let result = timeout(limit, work).await;
        self.desk.ended(self.id);
        let (outcome, usable) = match result {
            Err(_) => (Reported::Unknown, false),
            Ok(Ok(_)) => (Reported::Answered, true),
            Ok(Err(error)) => {
                let failure = held.lease.classify(&error);
                (reported(failure.outcome()), failure.is_session_usable())
            }
        };
        self.desk.report(call, outcome);
        match usable {
            true => self.desk.lock().leases.push(held),
            false => held.discard(),
        }
    }

    async fn unless_it_leaves<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self.leaves_after {
            Some(after) => timeout(after, work).await.ok(),
            None => Some(work.await),
        }
    }
}

impl Held {
    /// Gives the session up.
    pub(in super::super) fn discard(self) {
        let Self { lease, .. } = self;
        lease.discard();
    }
}

fn reported(outcome: Outcome) -> Reported {
    match outcome {
        Outcome::Answered => Reported::Answered,
        Outcome::NotExecuted => Reported::NotExecuted,
        _ => Reported::Unknown,
    }
}
