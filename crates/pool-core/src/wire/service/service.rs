//! An rmcp service over a session that needs none for its calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::{
    RoleClient,
    model::{
        CancelledNotification, GetMeta, JsonRpcMessage, RequestId, ServerNotification,
        ServerPeerInfo, ServerRequest,
    },
    service::{Peer, RunningService, serve_directly_with_ct},
};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        mpsc::{self, error::TrySendError},
    },
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{Dispatch, dispatcher, subscriber::NoSubscriber};

use super::{
    adapter::{Adapter, NewAdapter},
    bound::BoundService,
    host::ServiceHost,
    subscriptions::Subscriptions,
    turn::{Delivery, Queued},
    urgent::{OpenRequest, Urgent},
};
use crate::{
    handler::{ProxyService, SealedAnswer, SealedNotification, SealedRequest},
    wire::{inbox_bounds::HoldUp, wire::SharedWire},
};

/// An rmcp service on demand. It ends when its last user drops it: a [`SessionPeer`], a request of
/// the server that waits for its handler, or a notification on its way.
///
/// [`SessionPeer`]: super::SessionPeer
pub(in crate::wire) struct RmcpService {
    running: RunningService<RoleClient, BoundService>,
    stop: CancellationToken,
    urgent: mpsc::UnboundedSender<Urgent>,
    ordered: mpsc::Sender<Queued>,
    hold_up: Mutex<HoldUp>,
    host: Arc<dyn ServiceHost>,
    subscriptions: Arc<Subscriptions>,
}

impl RmcpService {
    /// Starts a service that goes on with a session that is open already.
    pub(in crate::wire) fn start(
        host: Arc<dyn ServiceHost>,
        wire: SharedWire,
        info: Option<ServerPeerInfo>,
    ) -> Arc<Self> {
        let (urgent, urgent_messages) = mpsc::unbounded_channel();
        let (ordered, notifications) = mpsc::channel(host.bounds().notifications());
        let subscriptions = Arc::<Subscriptions>::default();
        let adapter = Adapter::new(NewAdapter {
            wire,
            host: Arc::clone(&host),
            urgent: urgent.clone(),
            urgent_messages,
            ordered: ordered.clone(),
            notifications,
            subscriptions: Arc::clone(&subscriptions),
        });
        let stop = CancellationToken::new();
        let service = BoundService {
            service: ProxyService(Arc::<dyn ServiceHost>::clone(&host)),
            ended: stop.clone(),
        };
        // rmcp keeps the span that it is started in, and would hold a caller's span open.
        let running = dispatcher::with_default(&Dispatch::new(NoSubscriber::new()), || {
            serve_directly_with_ct(service, adapter, info, stop.clone())
        });
        Arc::new(Self {
            running,
            stop,
            urgent,
            ordered,
            hold_up: Mutex::default(),
            host,
            subscriptions,
        })
    }

    pub(in crate::wire) fn peer(&self) -> &Peer<RoleClient> {
        self.running.peer()
    }

    /// Ends the service.
    pub(in crate::wire) fn cancel(&self) {
        self.stop.cancel();
    }

    /// Hands a request to the handler.
    pub(in crate::wire) fn request(
        self: Arc<Self>,
        id: RequestId,
        request: ServerRequest,
        permit: OwnedSemaphorePermit,
    ) {
        let urgent = self.urgent.clone();
        let answer = SealedAnswer::default();
        let sealed = SealedRequest::seal(request, answer.clone());
        // Fails only where the service has ended.
        let _ = urgent.send(Urgent {
            message: JsonRpcMessage::request(sealed, id),
            request: Some(OpenRequest {
                answer,
                _service: self,
                _permit: permit,
            }),
        });
    }

    /// Queues a notification for the handler, behind those that came before. In a full queue it waits for
    /// room, and is dropped and counted where that takes too long.
    pub(in crate::wire) async fn notification(
        self: Arc<Self>,
        notification: ServerNotification,
    ) -> Delivery {
        let (queued, delivery) = Queued::new(SealedNotification::seal(notification));
        let queued = queued.keeping(Arc::<Self>::clone(&self));
        if self.queue(queued).await {
            return delivery;
        }
        Delivery::DONE
    }

    /// Puts a notification into the queue. `false`: it is dropped.
    async fn queue(&self, queued: Queued) -> bool {
        let queued = match self.ordered.try_send(queued) {
            Ok(()) => {
                let (free, of) = (self.ordered.capacity(), self.ordered.max_capacity());
                self.hold_up().note_room(free, of);
                return true;
            }
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(queued)) => queued,
        };
        let until = self.hold_up().until(Instant::now());
        let sent = timeout_at(until, self.ordered.send(queued)).await;
        if sent.is_err() {
            self.host.bounds().note_dropped();
        }
        matches!(sent, Ok(Ok(())))
    }

    fn hold_up(&self) -> MutexGuard<'_, HoldUp> {
        self.hold_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on that the server cancels a request of its own. Its text is in no log.
    pub(in crate::wire) fn cancelled(&self, mut cancelled: CancelledNotification) {
        cancelled.params.reason = None;
        self.pass_on(ServerNotification::CancelledNotification(cancelled));
    }

    /// Passes on a notification of a subscription, under the id that rmcp knows. `false`: it is none of
    /// rmcp's.
    pub(in crate::wire) fn subscribed(&self, notification: &ServerNotification) -> bool {
        let id = notification.get_meta().subscription_id();
        let Some(known) = id.and_then(|id| self.subscriptions.known(&id)) else {
            return false;
        };
        let mut notification = notification.clone();
        notification.get_meta_mut().set_subscription_id(known);
        self.pass_on(notification);
        true
    }

    fn pass_on(&self, notification: ServerNotification) {
        // Fails only where the service has ended.
        let _ = self.urgent.send(Urgent {
            message: JsonRpcMessage::notification(notification),
            request: None,
        });
    }
}
