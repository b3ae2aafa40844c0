//! Subscriptions on a session.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rmcp::model::{ClientRequest, PingRequest};
use tokio::time::{Instant, sleep};

use super::{
    bound_session::{BoundSession, subscribe, unsubscribe},
    keeper::Keeper,
};
use crate::{
    acquire::Lease,
    client::{
        call::Call,
        send::{Failed, send},
    },
    error::{CallError, CallFailure, FaultKind, Outcome},
    key::run,
    time::after,
    types::Era,
};

impl Keeper {
    /// Makes all subscriptions on the session of a lease.
    pub(super) async fn subscribe_on(
        &self,
        call: &mut Call<'_>,
        lease: &Lease,
    ) -> Result<(), Failed> {
        // First, so that no update comes before there is a way for it.
        lease.open_server_stream().await;
        let mut subscribed = BTreeSet::new();
        for uri in self.subscriptions.wanted() {
            match call.send(lease, subscribe(&uri)).await {
                Ok(_) => {
                    self.subscriptions.accepted(&uri, Era::Legacy);
                    subscribed.insert(uri);
                }
                Err(Failed::Answered(error)) => {
                    self.subscriptions.fail(&uri, CallError::Rpc(error));
                }
                Err(failed) => return Err(failed),
            }
        }
        *self.lock() = Some(BoundSession {
            session: lease.shared_session(),
            key: Arc::clone(lease.key_pool()),
            subscribed,
        });
        Ok(())
    }

    /// Keeps the subscriptions of the bound session up to date until it is lost.
    ///
    /// # Errors
    /// Its loss.
    pub(super) async fn stay(&self) -> Result<Infallible, CallError> {
        let mut changes = self.subscriptions.changes();
        let lost =
            CallError::OutcomeUnknown(CallFailure::new(Outcome::Unknown, FaultKind::SessionGone));
        loop {
            let Some(bound) = self.lock().clone() else {
                return Err(lost);
            };
            let info = bound.session.session.info();
            let mut opened = pin!(info.server_stream_or_none().opened());
            opened.as_mut().enable();
            if self.adjust(&bound).await.is_err() {
                self.give_up(&bound);
                return Err(lost);
            }
            tokio::select! {
                biased;
                () = bound.session.proxy.closed() => {
                    *self.lock() = None;
                    return Err(lost);
                }
                () = opened => self.resume(),
                changed = changes.changed() => {
                    if changed.is_err() {
                        return Err(lost);
                    }
                }
                () = sleep(self.check_interval()) => {
                    if !self.is_alive(&bound).await {
                        self.give_up(&bound);
                        return Err(lost);
                    }
                }
            }
        }
    }

    /// The stream of the session was open before and is open again: what came in between is lost, unless
    /// the server sends it again.
    fn resume(&self) {
        self.subscriptions.lost();
        for uri in self.lock().iter().flat_map(|bound| &bound.subscribed) {
            self.subscriptions.accepted(uri, Era::Legacy);
        }
    }

    /// Subscribes and unsubscribes what has changed.
    async fn adjust(&self, bound: &BoundSession) -> Result<(), Failed> {
        let changes = bound.changes(self.subscriptions.wanted());
        let (client, session) = (&self.client, &bound.session);
        for uri in changes.add {
            let deadline = after(Instant::now(), client.timeout);
            match send(session, subscribe(&uri), &client.context, deadline).await {
                Ok(answer) => match answer.into_success() {
                    Ok(_) => {
                        self.subscriptions.accepted(&uri, Era::Legacy);
                        self.note(|subscribed| subscribed.insert(uri));
                    }
                    Err(error) => self.subscriptions.fail(&uri, CallError::Rpc(error)),
                },
                Err(failed) => return Err(failed),
            }
        }
        for uri in changes.remove {
            let deadline = after(Instant::now(), client.timeout);
            // Noted first: what fails is not tried for ever.
            self.note(|subscribed| subscribed.remove(&uri));
            send(session, unsubscribe(&uri), &client.context, deadline).await?;
        }
        Ok(())
    }

    fn note(&self, change: impl FnOnce(&mut BTreeSet<Arc<str>>) -> bool) {
        if let Some(bound) = self.lock().as_mut() {
            change(&mut bound.subscribed);
        }
    }

    /// Whether the session answers.
    async fn is_alive(&self, bound: &BoundSession) -> bool {
        let limit = self.client.context().config.health.health_check_timeout;
        let deadline = after(Instant::now(), limit);
        let ping = ClientRequest::PingRequest(PingRequest::default());
        match send(&bound.session, ping, &self.client.context, deadline).await {
            Ok(answer) => !answer.is_refusal(),
            Err(Failed::Answered(_)) => true,
            Err(_) => false,
        }
    }

    /// Gives up a session that failed. The pool checks it before another caller gets it, or closes it
    /// where it is known to be over.
    fn give_up(&self, bound: &BoundSession) {
        *self.lock() = None;
        let session = &bound.session;
        session.suspect.store(true, Ordering::Relaxed);
        if session.is_over() {
            run(&bound.key, bound.key.evict_session(session.id));
        }
    }

    /// The time between two checks of the bound session, which shows no sign of a server that has
    /// restarted.
    fn check_interval(&self) -> Duration {
        let interval = self.client.context().config.health.health_check_interval;
        interval.max(MIN_CHECK_INTERVAL)
    }
}

const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(1);
