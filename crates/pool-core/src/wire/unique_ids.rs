//! Unique request ids for sessions that rmcp serves.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::{
    RoleClient,
    model::{
        ClientNotification, GetMeta, JsonRpcMessage, ProgressToken, RequestId, ServerNotification,
        ServerResult, SubscriptionsListenResultMeta,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};

use super::message::{RequestIds, progress_token};

/// An rmcp transport whose request ids and progress tokens are unique over all sessions.
///
/// Every client of rmcp counts from zero. A bridge that broadcasts the answers of one server to
/// several clients then mixes them up. This wrapper replaces ids and tokens on their way out and
/// puts rmcp's own back on the way in.
///
/// ```
/// use mcp_pool_core::{extend::UniqueIds, rmcp::{RoleClient, transport::Transport}};
///
/// fn unique<T: Transport<RoleClient>>(transport: T) -> UniqueIds<T> {
///     UniqueIds::new(transport)
/// }
/// ```
pub struct UniqueIds<T> {
    transport: T,
    ids: RequestIds,
    pending: Arc<Mutex<HashMap<RequestId, Known>>>,
}

/// What rmcp calls a request, by the id on the wire.
struct Known {
    id: RequestId,
    token: Option<ProgressToken>,
}

impl<T> UniqueIds<T> {
    /// Wraps a transport.
    #[must_use]
    pub fn new(transport: T) -> Self {
        Self {
            transport,
            ids: RequestIds::random(),
            pending: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Known>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outward(&self, message: &mut TxJsonRpcMessage<RoleClient>) {
        match message {
            JsonRpcMessage::Request(request) => {
                let id = self.ids.next();
                let meta = request.request.get_meta_mut();
                let token = meta.get_progress_token();
                if token.is_some() {
                    meta.set_progress_token(progress_token(&id));
                }
                let known = std::mem::replace(&mut request.id, id.clone());
                self.lock().insert(id, Known { id: known, token });
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &mut notification.notification
                    && let Some(known) = &mut cancelled.params.request_id
                    && let Some(id) = self.forget(known)
                {
                    *known = id;
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
    }

    /// Forgets a request by rmcp's id, and returns the one on the wire.
    fn forget(&self, known: &RequestId) -> Option<RequestId> {
        let mut pending = self.lock();
        let entry = pending.iter().find(|(_, entry)| entry.id == *known);
        let id = entry.map(|(id, _)| id.clone())?;
        pending.remove(&id);
        Some(id)
    }

    fn inward(&self, message: &mut RxJsonRpcMessage<RoleClient>) {
        match message {
            JsonRpcMessage::Response(response) => {
                let Some(known) = self.lock().remove(&response.id) else {
                    return;
                };
                if let ServerResult::SubscriptionsListenResult(result) = &mut response.result {
                    result.meta = SubscriptionsListenResultMeta::new(known.id.clone());
                }
                response.id = known.id;
            }
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &mut error.id
                    && let Some(known) = self.lock().remove(id)
                {
                    *id = known.id;
                }
            }
            JsonRpcMessage::Notification(notification) => {
                self.inward_notification(&mut notification.notification);
            }
            JsonRpcMessage::Request(_) => {}
        }
    }

    fn inward_notification(&self, notification: &mut ServerNotification) {
        let pending = self.lock();
        let meta = notification.get_meta_mut();
        if let Some(known) = meta.subscription_id().and_then(|id| pending.get(&id)) {
            meta.set_subscription_id(known.id.clone());
        }
        match notification {
            ServerNotification::ProgressNotification(progress) => {
                let token = &mut progress.params.progress_token;
                if let Some(known) = pending.get(&token.0).and_then(|known| known.token.clone()) {
                    *token = known;
                }
            }
            ServerNotification::CancelledNotification(cancelled) => {
                if let Some(id) = &mut cancelled.params.request_id
                    && let Some(known) = pending.get(id)
                {
                    *id = known.id.clone();
                }
            }
            _ => {}
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for UniqueIds<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        mut item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        self.outward(&mut item);
        self.transport.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let mut message = self.transport.receive().await?;
        self.inward(&mut message);
        Some(message)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.transport.close()
    }
}

impl<T> fmt::Debug for UniqueIds<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UniqueIds").finish_non_exhaustive()
    }
}
