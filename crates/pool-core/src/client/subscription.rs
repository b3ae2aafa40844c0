//! Subscriptions to the notifications of a stateless server.

use std::fmt;

use futures::{Stream, stream};
use rmcp::{
    model::{ServerNotification, SubscriptionFilter},
    service::{Subscription as RmcpSubscription, SubscriptionEnd},
};
use tokio::time::timeout_at;

use super::{call::Call, pooled_client::PooledClient, send::Failed};
use crate::{
    acquire::Lease,
    error::CallError,
    extend::SessionPeer,
    handler::{ListKind, ListWatcher},
    trace::Target,
    types::Era,
};

/// A subscription of one caller to a server's notifications: see [`PooledClient::listen`].
///
/// Holds one slot of a session for as long as it lives. Dropping it ends the subscription.
pub struct Subscription {
    subscription: RmcpSubscription,
    /// Keeps rmcp's service running.
    _peer: SessionPeer,
    lease: Lease,
}

impl PooledClient {
    /// `subscriptions/listen`: subscribes to the changes that `filter` names, at a server of
    /// revision 2026-07-28. An older server sends its notifications to the session's
    /// [handler](crate::extend::HandlerFactory) instead.
    ///
    /// The subscription belongs to this caller; under [`Scope::Shared`](crate::Scope::Shared) it is
    /// made without a caller's headers.
    /// [`call_timeout`](crate::config::TimeoutsConfig::call_timeout) bounds the time until the
    /// server accepts it, not its life.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::NotInRevision`] when the server keeps
    /// sessions, which have no such method.
    ///
    /// # Cancel safety
    /// A call that is dropped ends the subscription it may have made.
    pub async fn listen(&self, filter: SubscriptionFilter) -> Result<Subscription, CallError> {
        let mut call = Call::begin(self, "subscriptions/listen", Target::None);
        let result = call.listen(filter).await;
        call.finish(&result);
        result
    }
}

impl Call<'_> {
    async fn listen(&mut self, filter: SubscriptionFilter) -> Result<Subscription, CallError> {
        loop {
            let lease = self.lease().await?;
            if lease.info().era != Era::Stateless {
                return Err(CallError::NotInRevision("subscriptions/listen"));
            }
            let peer = timeout_at(self.deadline(), lease.session().peer()).await;
            let failed = match peer {
                Ok(Ok(peer)) => match self.subscribe(&peer, &lease, &filter).await {
                    Ok(subscription) => {
                        return Ok(Subscription {
                            subscription,
                            _peer: peer,
                            lease,
                        });
                    }
                    Err(failed) => failed,
                },
                Ok(Err(failure)) => Failed::Broken(failure),
                Err(_) => Failed::TimedOut,
            };
            Box::pin(self.judge(lease, failed)).await?;
        }
    }

    async fn subscribe(
        &self,
        peer: &SessionPeer,
        lease: &Lease,
        filter: &SubscriptionFilter,
    ) -> Result<RmcpSubscription, Failed> {
        let answer = timeout_at(self.deadline(), peer.listen(filter.clone())).await;
        match answer {
            Ok(Ok(subscription)) => Ok(subscription),
            Ok(Err(error)) => Err(Failed::of(lease.session(), error)),
            Err(_) => Err(Failed::TimedOut),
        }
    }
}

impl Subscription {
    /// The filter that the server accepted, which may be narrower than the requested one.
    #[must_use]
    pub fn accepted(&self) -> &SubscriptionFilter {
        self.subscription.acknowledged()
    }

    /// The next notification; `None` once the subscription has ended, and then
    /// [`ended`](Self::ended) shows how.
    ///
    /// # Errors
    /// [`CallError::OutcomeUnknown`] or [`CallError::Rpc`] when the subscription broke, and
    /// [`CallError::UnexpectedResult`] when the server sent a notification that it had not
    /// accepted. The subscription has ended then.
    ///
    /// # Cancel safety
    /// Safe; a dropped call loses no notification.
    pub async fn next(&mut self) -> Result<Option<ServerNotification>, CallError> {
        match self.subscription.next().await {
            Ok(Some(notification)) => {
                let key = self.lease.key_pool();
                if let Some(list) = ListKind::changed_by(&notification) {
                    key.list_changed(list);
                }
                if let ServerNotification::ResourceUpdatedNotification(update) = &notification {
                    key.resource_updated(&update.params.uri);
                }
                Ok(Some(notification))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(Failed::of(self.lease.session(), error).surfaced()),
        }
    }

    /// How the subscription ended: by the server's word, by a broken stream, or since the caller
    /// did not keep up. `None` while it has not.
    #[must_use]
    pub fn ended(&self) -> Option<&SubscriptionEnd> {
        self.subscription.end()
    }

    /// The subscription as a stream, which ends with it.
    pub fn into_stream(self) -> impl Stream<Item = Result<ServerNotification, CallError>> + Send {
        stream::unfold(self, |mut listening| async {
            let item = listening.next().await.transpose()?;
            Some((item, listening))
        })
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
