//! Subscriptions at a server without sessions.

use std::{convert::Infallible, sync::Arc};

use rmcp::model::{
    ClientRequest, SubscriptionFilter, SubscriptionsListenRequest, SubscriptionsListenRequestParams,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    acknowledged::{Acknowledged, Listening},
    keeper::Keeper,
};
use crate::{
    client::send::Failed,
    error::{CallError, CallFailure, FaultKind, Outcome, SubscriptionError},
    key::PooledSession,
    time::after,
    types::Era,
};

impl Keeper {
    /// Listens to the changes of all subscribed resources, with one request for all of them.
    ///
    /// Not over rmcp, which logs whole requests: the address of a resource is in no log.
    ///
    /// # Errors
    /// Why there is no subscription.
    pub(super) async fn listen_on(
        &self,
        session: Arc<PooledSession>,
    ) -> Result<Acknowledged, Failed> {
        let wanted = self.subscriptions.wanted();
        let mut acknowledged = self.subscriptions.acknowledgments();
        let mut listening = self.open(&session, &wanted);
        let accepted = self.accepted(&mut listening, &mut acknowledged).await?;
        self.settle(&wanted, &accepted);
        Ok(Acknowledged {
            session,
            wanted,
            listening,
        })
    }

    /// Goes on to listen. Another request takes the place of the open one, before that ends, when other
    /// resources are subscribed to.
    ///
    /// # Errors
    /// How the subscription was lost.
    pub(super) async fn listen(&self, mut current: Acknowledged) -> Result<Infallible, CallError> {
        let mut changes = self.subscriptions.changes();
        loop {
            changes.mark_unchanged();
            while self.subscriptions.wanted() == current.wanted {
                tokio::select! {
                    failed = &mut current.listening => return Err(failed.surfaced()),
                    () = current.session.proxy.closed() => return Err(ended().surfaced()),
                    changed = changes.changed() => {
                        if changed.is_err() {
                            return Err(ended().surfaced());
                        }
                    }
                }
            }
            let next = tokio::select! {
                next = self.listen_on(Arc::clone(&current.session)) => next,
                // What comes on it meanwhile is delivered.
                failed = &mut current.listening => Err(failed),
            };
            current = next.map_err(Failed::surfaced)?;
        }
    }

    fn open(&self, session: &Arc<PooledSession>, wanted: &[Arc<str>]) -> Listening {
        let params = SubscriptionsListenRequestParams::new(filter(wanted));
        let request = SubscriptionsListenRequest::new(params);
        let request = ClientRequest::SubscriptionsListenRequest(request);
        let session = Arc::clone(session);
        let proxy = Arc::clone(&session.proxy);
        let context = self.client.context.on_session(proxy, None);
        Box::pin(async move {
            let call = session.session.driver().call(request, Some(&context));
            let answer = match call.await {
                Ok(answer) => answer,
                Err(failure) => return Failed::Broken(failure),
            };
            let is_refusal = answer.is_refusal();
            match answer.into_success() {
                Ok(_) => ended(),
                Err(error) if is_refusal => Failed::Refused(error),
                Err(error) => Failed::Answered(error),
            }
        })
    }

    /// Waits for the acknowledgment of a request.
    ///
    /// # Errors
    /// It has ended before, or there is none in time.
    async fn accepted(
        &self,
        listening: &mut Listening,
        acknowledged: &mut watch::Receiver<Arc<[String]>>,
    ) -> Result<Arc<[String]>, Failed> {
        let deadline = after(Instant::now(), self.client.timeout);
        tokio::select! {
            failed = listening => Err(failed),
            changed = timeout_at(deadline, acknowledged.changed()) => match changed {
                Ok(Ok(())) => Ok(Arc::clone(&acknowledged.borrow_and_update())),
                Ok(Err(_)) => Err(ended()),
                Err(_) => Err(Failed::TimedOut),
            },
        }
    }

    /// Notes which subscriptions the server has accepted.
    fn settle(&self, wanted: &[Arc<str>], accepted: &[String]) {
        for uri in wanted {
            match accepted.iter().any(|accepted| **accepted == **uri) {
                true => self.subscriptions.accepted(uri, Era::Stateless),
                false => {
                    let error = SubscriptionError::NotAccepted;
                    self.subscriptions.fail(uri, error.into());
                }
            }
        }
    }
}

fn filter(wanted: &[Arc<str>]) -> SubscriptionFilter {
    let mut filter = SubscriptionFilter::default();
    let uris = wanted.iter().map(|uri| uri.to_string());
    filter.resource_subscriptions = Some(uris.collect());
    filter
}

/// The stream of a subscription has ended.
fn ended() -> Failed {
    Failed::Broken(CallFailure::new(Outcome::Unknown, FaultKind::Unreachable))
}
