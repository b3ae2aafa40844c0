//! The task that keeps the subscriptions of one key.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{acknowledged::Acknowledged, bound_session::BoundSession, pauses::Pauses};
use crate::{
    client::{call::Call, pooled_client::PooledClient},
    error::{CallError, Retry, SubscriptionError},
    key::KeySubscriptions,
    trace::Target,
    types::{Era, PoolKey},
};

/// Keeps the subscriptions of one key: makes them on one of its sessions, and on another when that one
/// is lost. Ends with the last of them.
pub(super) struct Keeper {
    pub(super) client: PooledClient,
    pub(super) subscriptions: Arc<KeySubscriptions>,
    key: PoolKey,
    /// The session that has the subscriptions, where a session has them.
    bound: Mutex<Option<BoundSession>>,
}

impl Keeper {
    /// A keeper that acts as the caller of this client.
    pub(super) fn new(client: &PooledClient, subscriptions: Arc<KeySubscriptions>) -> Self {
        Self {
            client: client.plain(),
            key: client.key().clone(),
            subscriptions,
            bound: Mutex::default(),
        }
    }

    /// Keeps the subscriptions until there is none.
    pub(super) async fn run(self) {
        let registry = &self.client.acquirer.services.subscriptions;
        loop {
            let changes = self.subscriptions.changes();
            tokio::select! {
                biased;
                () = unused(&self.subscriptions, changes) => {}
                () = self.keep() => {}
            }
            self.leave().await;
            if registry.retire(&self.key, &self.subscriptions) {
                return;
            }
        }
    }

    /// Makes the subscriptions, and again whenever they are lost. Ends when they cannot be made.
    async fn keep(&self) {
        let mut pauses = Pauses::new();
        let mut is_reported = false;
        loop {
            pauses.begin();
            if self.awaits_notice() {
                if !std::mem::replace(&mut is_reported, true) {
                    self.subscriptions.report_loss();
                }
            } else {
                is_reported = false;
                let Err(error) = self.serve().await;
                self.subscriptions.lost();
                if self.is_final(&error) {
                    return self.subscriptions.end(Some(&error));
                }
            }
            let fraction = self.client.context().random.fraction();
            sleep(pauses.next(fraction)).await;
        }
    }

    /// True while a conversation is lost and no caller knows of it: opening a session now would take the
    /// notice from the caller. A caller that subscribes anew gets it.
    fn awaits_notice(&self) -> bool {
        let key = self.client.resolved.latest().key_pool();
        key.history.is_lost() && !self.subscriptions.has_pending()
    }

    /// Makes the subscriptions and keeps them up to date.
    ///
    /// # Errors
    /// How they were lost, or why they cannot be made.
    async fn serve(&self) -> Result<Infallible, CallError> {
        let mut call = Call::begin(&self.client, "resources/subscribe", Target::None);
        let made = self.make(&mut call).await;
        call.finish(&made);
        match made? {
            Made::OnSession => self.stay().await,
            Made::Stateless(acknowledged) => self.listen(acknowledged).await,
        }
    }

    async fn make(&self, call: &mut Call<'_>) -> Result<Made, CallError> {
        loop {
            let lease = call.lease().await?;
            if *lease.key() != self.key {
                // Another transport was detected meanwhile: its sessions report to another key. The
                // subscribers subscribe there.
                let ended = SubscriptionError::Ended.into();
                self.subscriptions.end(Some(&ended));
                return Err(ended);
            }
            let made = match lease.info().era {
                Era::Stateless => {
                    let acknowledged = self.listen_on(lease.shared_session()).await;
                    acknowledged.map(Made::Stateless)
                }
                Era::Legacy => {
                    let subscribed = self.subscribe_on(call, &lease).await;
                    subscribed.map(|()| Made::OnSession)
                }
            };
            match made {
                Ok(made) => return Ok(made),
                Err(failed) => Box::pin(call.judge(lease, failed)).await?,
            }
        }
    }

    /// Whether the subscriptions cannot be made again. Those that wait for their first answer get the
    /// error in any case.
    fn is_final(&self, error: &CallError) -> bool {
        let had_pending = self.subscriptions.fail_pending(error);
        if matches!(error, CallError::SessionLost) && !had_pending {
            // The next call gets to know of it instead.
            self.client.resolved.latest().key_pool().history.note_lost();
        }
        matches!(error.retry(), Retry::Never | Retry::WithOtherCredentials)
    }

    /// Unsubscribes what the session has, where it is open.
    async fn leave(&self) {
        let bound = self.lock().take();
        if let Some(bound) = bound {
            let limit = self.client.context().close_timeout();
            let left = bound.unsubscribe_all(&self.client, Instant::now() + limit);
            // Its session is closed soon, or forgets what no caller reads.
            let _ = timeout(limit, left).await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Option<BoundSession>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How subscriptions are made.
enum Made {
    OnSession,
    Stateless(Acknowledged),
}

/// Waits until there is no subscription.
async fn unused(subscriptions: &KeySubscriptions, mut changes: watch::Receiver<()>) {
    while !subscriptions.is_unused() {
        if changes.changed().await.is_err() {
            return;
        }
    }
}
