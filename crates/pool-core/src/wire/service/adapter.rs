//! The adapter to rmcp: a session as the transport of a service on demand.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::{
    RoleClient,
    model::{
        ClientJsonRpcMessage, ClientNotification, ClientRequest, GetExtensions, JsonRpcMessage,
        RequestId, ServerNotification, ServerResult, SubscriptionsListenResultMeta,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    call_progress::CallProgress,
    host::ServiceHost,
    subscriptions::Subscriptions,
    turn::{CurrentTurn, Queued},
    urgent::{OpenRequest, Urgent},
};
use crate::{
    error::CallFailure,
    wire::{
        call_context::CallContext,
        message::Answer,
        wire::{REPLY_TIMEOUT, SharedWire, WireCall, reply},
    },
};

/// A session as a transport of rmcp. It goes on with an open session: there is no handshake, and
/// its end closes nothing.
pub(super) struct Adapter {
    sender: Sender,
    urgent: mpsc::UnboundedReceiver<Urgent>,
    notifications: mpsc::Receiver<Queued>,
    turn: Option<CurrentTurn>,
}

/// The parts of a new adapter.
pub(super) struct NewAdapter {
    pub(super) wire: SharedWire,
    pub(super) host: Arc<dyn ServiceHost>,
    pub(super) urgent: mpsc::UnboundedSender<Urgent>,
    pub(super) urgent_messages: mpsc::UnboundedReceiver<Urgent>,
    pub(super) ordered: mpsc::Sender<Queued>,
    pub(super) notifications: mpsc::Receiver<Queued>,
    pub(super) subscriptions: Arc<Subscriptions>,
}

/// The sending half, which outlives each single call of `Transport::send`.
#[derive(Clone)]
struct Sender {
    wire: SharedWire,
    host: Arc<dyn ServiceHost>,
    urgent: mpsc::UnboundedSender<Urgent>,
    ordered: mpsc::Sender<Queued>,
    subscriptions: Arc<Subscriptions>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The requests of the server without an answer, by the server's id.
    open: Mutex<HashMap<RequestId, OpenRequest>>,
    /// The requests of rmcp without an answer, by rmcp's id.
    calls: Mutex<HashMap<RequestId, CancellationToken>>,
}

impl Adapter {
    pub(super) fn new(new: NewAdapter) -> Self {
        Self {
            sender: Sender {
                wire: new.wire,
                host: new.host,
                urgent: new.urgent,
                ordered: new.ordered,
                subscriptions: new.subscriptions,
                state: Arc::default(),
            },
            urgent: new.urgent_messages,
            notifications: new.notifications,
            turn: None,
        }
    }

    /// Notes what an urgent message begins or ends.
    fn note(&self, urgent: Urgent) -> RxJsonRpcMessage<RoleClient> {
        let state = &self.sender.state;
        match &urgent.message {
            JsonRpcMessage::Request(request) => {
                if let Some(open) = urgent.request {
                    lock(&state.open).insert(request.id.clone(), open);
                }
            }
            JsonRpcMessage::Notification(notification) => {
                if let ServerNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    // rmcp sends no answer to a request that was cancelled.
                    drop(lock(&state.open).remove(id));
                }
            }
            _ => {}
        }
        urgent.message
    }
}

impl Transport<RoleClient> for Adapter {
    type Error = CallFailure;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), CallFailure>> + Send + 'static {
        let sender = self.sender.clone();
        async move { sender.send(item).await }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        tokio::select! {
            biased;
            urgent = self.urgent.recv() => urgent.map(|urgent| self.note(urgent)),
            queued = next_in_turn(&mut self.turn, &mut self.notifications) => {
                let (notification, turn) = queued?.begin();
                self.turn = Some(turn);
                Some(JsonRpcMessage::notification(notification))
            }
        }
    }

    async fn close(&mut self) -> Result<(), CallFailure> {
        Ok(())
    }
}

/// The next notification, once the turn of the one before has ended. Cancel safe.
async fn next_in_turn(
    turn: &mut Option<CurrentTurn>,
    notifications: &mut mpsc::Receiver<Queued>,
) -> Option<Queued> {
    if let Some(current) = turn {
        current.ended().await;
        *turn = None;
    }
    notifications.recv().await
}

impl Sender {
    async fn send(self, message: ClientJsonRpcMessage) -> Result<(), CallFailure> {
        match message {
            JsonRpcMessage::Request(request) => self.call(request.id, request.request).await,
            JsonRpcMessage::Notification(notification) => match notification.notification {
                ClientNotification::CancelledNotification(cancelled) => {
                    self.cancel(cancelled.params.request_id.as_ref());
                    Ok(())
                }
                // The session has sent its own.
                ClientNotification::InitializedNotification(_) => Ok(()),
                other => self.pass_on(JsonRpcMessage::notification(other)).await,
            },
            JsonRpcMessage::Response(response) => {
                self.answer(response.id.clone(), JsonRpcMessage::Response(response))
                    .await
            }
            JsonRpcMessage::Error(error) => match error.id.clone() {
                Some(id) => self.answer(id, JsonRpcMessage::Error(error)).await,
                None => Ok(()),
            },
        }
    }

    async fn pass_on(&self, message: ClientJsonRpcMessage) -> Result<(), CallFailure> {
        self.wire.send(message).await
    }

    /// Sends the handler's answer to a request of the server.
    async fn answer(
        &self,
        id: RequestId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), CallFailure> {
        let open = lock(&self.state.open).remove(&id);
        let sealed = open.as_ref().and_then(|open| open.answer.take());
        let message = sealed.map_or(message, |answer| reply(id, answer));
        // A server that does not take an answer has no use for it, and must not keep the service.
        match timeout(REPLY_TIMEOUT, self.pass_on(message)).await {
            Ok(sent) => sent,
            Err(_) => Ok(()),
        }
    }

    /// Sends a request of rmcp under an id of the session, and its answer under rmcp's own.
    async fn call(&self, known: RequestId, request: ClientRequest) -> Result<(), CallFailure> {
        let id = self.host.request_ids().next();
        let cancelled = CancellationToken::new();
        let _call = Entry::insert(&self.state.calls, known.clone(), cancelled.clone());
        let is_subscription = matches!(request, ClientRequest::SubscriptionsListenRequest(_));
        let _subscription =
            is_subscription.then(|| self.subscriptions.open(id.clone(), known.clone()));
        let progress = CallProgress::of(&request, &self.ordered);
        let context = request.extensions().get::<CallContext>().cloned();
        let mut call = WireCall::new(id, request, context);
        if let Some(progress) = &progress {
            call = call.with_progress(progress.sink());
        }
        let answer = tokio::select! {
            biased;
            answer = self.wire.call(call) => answer?,
            () = cancelled.cancelled() => return Ok(()),
        };
        if let Some(progress) = progress {
            progress.delivered().await;
        }
        // Fails only where the service has ended.
        let _ = self.urgent.send(Urgent {
            message: to_message(answer, known),
            request: None,
        });
        Ok(())
    }

    fn cancel(&self, known: Option<&RequestId>) {
        let Some(known) = known else {
            return;
        };
        if let Some(call) = lock(&self.state.calls).remove(known) {
            call.cancel();
        }
    }
}

/// An answer under the id that rmcp knows.
fn to_message(answer: Answer, known: RequestId) -> RxJsonRpcMessage<RoleClient> {
    match answer.into_result() {
        Ok(ServerResult::SubscriptionsListenResult(mut result)) => {
            result.meta = SubscriptionsListenResultMeta::new(known.clone());
            JsonRpcMessage::response(ServerResult::SubscriptionsListenResult(result), known)
        }
        Ok(result) => JsonRpcMessage::response(result, known),
        Err(error) => JsonRpcMessage::error(error, Some(known)),
    }
}

/// An entry of a map that leaves it when dropped.
struct Entry<'m, K: Hash + Eq, V> {
    map: &'m Mutex<HashMap<K, V>>,
    key: K,
}

impl<'m, K: Hash + Eq + Clone, V> Entry<'m, K, V> {
    fn insert(map: &'m Mutex<HashMap<K, V>>, key: K, value: V) -> Self {
        lock(map).insert(key.clone(), value);
        Self { map, key }
    }
}

impl<K: Hash + Eq, V> Drop for Entry<'_, K, V> {
    fn drop(&mut self) {
        lock(self.map).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
