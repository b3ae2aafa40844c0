//! Subscriptions of a caller to resources.

use std::{fmt, sync::Arc};

use futures::{Stream, stream};
use tokio::time::{sleep, timeout};

use super::{keeper::Keeper, pauses::Pauses};
use crate::{
    client::pooled_client::PooledClient,
    error::{AcquireError, CallError, CallFailure, FaultKind, Outcome, Retry, SubscriptionError},
    handler::ResourceUpdate,
    key::Subscriber,
    types::Era,
};

/// The updates of one resource for one caller: see [`PooledClient::subscribe`]. Dropping it
/// unsubscribes.
pub struct ResourceUpdates {
    subscriber: Subscriber,
    client: PooledClient,
    /// What was missed over the transports of before.
    missed_before: u64,
}

impl PooledClient {
    /// Subscribes to the changes of a resource, at a server of any revision: with
    /// `resources/subscribe` on a session, or with `subscriptions/listen` (2026-07-28).
    ///
    /// The subscription is that of the key. The server has one, however many callers of the key
    /// subscribe to the resource: the first one subscribes, and the last one that drops its
    /// [`ResourceUpdates`] unsubscribes. It is made again, after pauses that grow up to 30 s, when
    /// its session or its stream is lost, and each caller then receives
    /// [`ResourceUpdate::Resumed`](crate::client::ResourceUpdate::Resumed). In a conversation that is
    /// once a call has got to know of the loss, and each caller receives
    /// [`ResourceUpdate::Lost`](crate::client::ResourceUpdate::Lost) before. Over another transport, where the pool detects one
    /// later, it is made again with the next call of [`ResourceUpdates::next`]. It ends when the key is
    /// evicted or revoked, when no credential of the caller holds any more, when the server refuses it,
    /// and with the pool.
    ///
    /// Over a session, its [handler](crate::extend::HandlerFactory) receives the server's
    /// notifications as well. A subscription costs no slot of a session; where no session of the key is
    /// open any more, such as after [`session_ttl`](crate::config::TimeoutsConfig::session_ttl), one
    /// is opened for it.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::Subscription`].
    ///
    /// # Cancel safety
    /// A call that is dropped unsubscribes.
    pub async fn subscribe(&self, uri: &str) -> Result<ResourceUpdates, CallError> {
        match timeout(self.timeout, self.subscriber(uri)).await {
            Ok(subscriber) => Ok(ResourceUpdates {
                subscriber: subscriber?,
                client: self.clone(),
                missed_before: 0,
            }),
            Err(_) => {
                let failure = CallFailure::new(Outcome::Unknown, FaultKind::Timeout);
                Err(CallError::of_failure(failure))
            }
        }
    }

    /// A subscriber whose subscription the server has accepted.
    async fn subscriber(&self, uri: &str) -> Result<Subscriber, CallError> {
        loop {
            let mut subscriber = self.join(uri)?;
            match subscriber.accepted().await {
                Ok(Some(())) => return Ok(subscriber),
                Ok(None) if self.context().is_closed() => return Err(closed()),
                Ok(None) => return Err(SubscriptionError::Ended.into()),
                Err(error) if is_elsewhere(&error) => {
                    // Resolves the key over the transport that was detected meanwhile.
                    let lease = self.acquire().await;
                    drop(lease.map_err(CallError::of_acquire)?);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Joins the subscriptions of the key, which the first one has a keeper for.
    fn join(&self, uri: &str) -> Result<Subscriber, CallError> {
        let most = self.context().config.limits.max_subscriptions_per_key;
        let registry = &self.acquirer.services.subscriptions;
        let joined = registry.join(self.key(), uri, most)?;
        let joined = joined.ok_or_else(closed)?;
        if let Some(subscriptions) = joined.unkept {
            let context = Arc::clone(self.acquirer.context());
            let keeper = Keeper::new(self, subscriptions);
            context.spawn(keeper.run());
        }
        Ok(joined.subscriber)
    }
}

impl ResourceUpdates {
    /// The next update; `None` once the subscription was ended with its key or its pool.
    ///
    /// # Errors
    /// Why the subscription cannot be made again: [`CallError::Rpc`] where the server refuses it,
    /// [`CallError::Acquire`] where the caller can open no session, for want of a credential;
    /// [`CallError::Subscription`] where the server does not accept it over another transport.
    ///
    /// # Cancel safety
    /// Safe; a dropped call loses no update.
    pub async fn next(&mut self) -> Result<Option<ResourceUpdate>, CallError> {
        match self.subscriber.next().await {
            Err(error) if is_elsewhere(&error) => self.follow().await,
            update => update,
        }
    }

    /// Subscribes over the transport that was detected last.
    async fn follow(&mut self) -> Result<Option<ResourceUpdate>, CallError> {
        let mut pauses = Pauses::new();
        loop {
            pauses.begin();
            let error = match self.client.subscribe(self.uri()).await {
                Ok(updates) => {
                    self.missed_before = self.missed();
                    self.subscriber = updates.subscriber;
                    return Ok(Some(ResourceUpdate::Resumed));
                }
                Err(_) if self.client.context().is_closed() => return Ok(None),
                // The key was evicted meanwhile.
                Err(CallError::Subscription(SubscriptionError::Ended)) => return Ok(None),
                Err(error) => error,
            };
            if let Retry::Never | Retry::WithOtherCredentials = error.retry() {
                return Err(error);
            }
            let fraction = self.client.context().random.fraction();
            sleep(pauses.next(fraction)).await;
        }
    }

    /// The subscribed resource.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.subscriber.uri()
    }

    /// The era of the server that has accepted the subscription last. At a server with sessions
    /// ([`Era::Legacy`]) the [handler](crate::extend::HandlerFactory) of the session receives each change
    /// as well; at one without, the subscription alone does. `None` once the subscription has ended.
    #[must_use]
    pub fn era(&self) -> Option<Era> {
        self.subscriber.era()
    }

    /// How many updates were lost since they were not received in time. The last 64 are kept.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed_before + self.subscriber.missed()
    }

    /// The updates as a stream, which ends with the subscription.
    pub fn into_stream(self) -> impl Stream<Item = Result<ResourceUpdate, CallError>> + Send {
        stream::unfold(Some(self), |updates| async {
            let mut updates = updates?;
            let item = updates.next().await.transpose()?;
            let rest = item.is_ok().then_some(updates);
            Some((item, rest))
        })
    }
}

impl fmt::Debug for ResourceUpdates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceUpdates")
            .field("missed", &self.missed())
            .finish_non_exhaustive()
    }
}

/// True where the endpoint is reached over another transport by now, over which the caller has another
/// key.
fn is_elsewhere(error: &CallError) -> bool {
    matches!(error, CallError::Subscription(SubscriptionError::Ended))
}

fn closed() -> CallError {
    CallError::of_acquire(AcquireError::Closed)
}
