//! Subscriptions at a server without sessions.

use std::{convert::Infallible, pin::Pin, sync::Arc};

use rmcp::model::{
    ClientRequest, SubscriptionFilter, SubscriptionsListenRequest, SubscriptionsListenRequestParams,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::keeper::Keeper;
use crate::{
    error::{CallError, CallFailure, FaultKind, Outcome, SubscriptionError},
    key::PooledSession,
    time::after,
};

/// An open request, until its stream ends: why it has. Reading it delivers what comes on it.
type Listening<'s> = Pin<Box<dyn Future<Output = CallError> + Send + 's>>;

impl Keeper {
    /// Listens to the changes of all subscribed resources, with one request for all of them. Another
    /// one takes its place, before it ends, when other resources are subscribed to.
    ///
    /// Not over rmcp, which logs whole requests: the address of a resource is in no log.
    ///
    /// # Errors
    /// How the subscription was lost, or why there is none.
    pub(super) async fn listen(
        &self,
        session: &Arc<PooledSession>,
    ) -> Result<Infallible, CallError> {
        let mut changes = self.subscriptions.changes();
        let mut current: Listening<'_> = Box::pin(std::future::pending());
        loop {
            changes.mark_unchanged();
            let wanted = self.subscriptions.wanted();
            let mut acknowledged = self.subscriptions.acknowledgments();
            let mut next = self.open(session, &wanted);
            let accepted = self.accepted(&mut next, &mut acknowledged);
            let accepted = tokio::select! {
                accepted = accepted => accepted?,
                // What comes on it meanwhile is delivered.
                error = &mut current => return Err(error),
            };
            current = next;
            self.settle(&wanted, &accepted);
            while self.subscriptions.wanted() == wanted {
                tokio::select! {
                    error = &mut current => return Err(error),
                    () = session.proxy.closed() => return Err(ended()),
                    changed = changes.changed() => {
                        if changed.is_err() {
                            return Err(ended());
                        }
                    }
                }
            }
        }
    }

    fn open<'s>(&'s self, session: &'s PooledSession, wanted: &[Arc<str>]) -> Listening<'s> {
        let params = SubscriptionsListenRequestParams::new(filter(wanted));
        let request = SubscriptionsListenRequest::new(params);
        let request = ClientRequest::SubscriptionsListenRequest(request);
        let context = self
            .client
            .context
            .on_session(Arc::clone(&session.proxy), None);
        Box::pin(async move {
            let call = session.session.driver().call(request, Some(&context));
            match call.await {
                Ok(answer) => answer
                    .into_success()
                    .err()
                    .map_or_else(ended, CallError::Rpc),
                Err(failure) => CallError::of_failure(failure),
            }
        })
    }

    /// Waits for the acknowledgment of a request.
    ///
    /// # Errors
    /// It has ended before, or there is none in time.
    async fn accepted(
        &self,
        listening: &mut Listening<'_>,
        acknowledged: &mut watch::Receiver<Arc<[String]>>,
    ) -> Result<Arc<[String]>, CallError> {
        let deadline = after(Instant::now(), self.client.timeout);
        tokio::select! {
            error = listening => Err(error),
            changed = timeout_at(deadline, acknowledged.changed()) => match changed {
                Ok(Ok(())) => Ok(Arc::clone(&acknowledged.borrow_and_update())),
                Ok(Err(_)) => Err(ended()),
                Err(_) => {
                    let failure = CallFailure::new(Outcome::Unknown, FaultKind::Timeout);
                    Err(CallError::of_failure(failure))
                }
            },
        }
    }

    /// Notes which subscriptions the server has accepted.
    fn settle(&self, wanted: &[Arc<str>], accepted: &[String]) {
        for uri in wanted {
            match accepted.iter().any(|accepted| **accepted == **uri) {
                true => self.subscriptions.accepted(uri),
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
fn ended() -> CallError {
    let failure = CallFailure::new(Outcome::Unknown, FaultKind::Unreachable);
    CallError::OutcomeUnknown(failure)
}
