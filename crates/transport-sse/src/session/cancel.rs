//! The cancellation of requests whose callers are gone.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp_pool_core::extend::CallContext;
use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientNotification, JsonRpcMessage,
    RequestId,
};
use tokio::{sync::Notify, time::timeout};

use super::{
    connection::Connection,
    post::{Message, post},
};

/// The cancellations of a session that are not sent yet. A caller may leave where there is no
/// runtime, so that the session's own task sends them.
#[derive(Default)]
pub(super) struct Cancellations {
    queue: Mutex<Vec<Cancellation>>,
    added: Notify,
}

struct Cancellation {
    id: RequestId,
    /// The caller of the request, whose credentials the cancellation needs too.
    context: Option<CallContext>,
}

/// Cancels its request when dropped, unless it is disarmed.
pub(super) struct CancelOnDrop<'c> {
    cancellations: &'c Cancellations,
    cancellation: Option<Cancellation>,
}

impl Cancellations {
    /// A guard for the request with this id.
    pub(super) fn guard(&self, id: RequestId, context: Option<CallContext>) -> CancelOnDrop<'_> {
        CancelOnDrop {
            cancellations: self,
            cancellation: Some(Cancellation { id, context }),
        }
    }

    /// Sends the cancellations as they come, each on a task of its own for a bounded time.
    pub(super) async fn send(&self, connection: &Arc<Connection>) {
        loop {
            self.added.notified().await;
            for cancellation in std::mem::take(&mut *self.lock()) {
                let sent = cancellation.send(Arc::clone(connection));
                tokio::spawn(timeout(TIME_LIMIT, sent));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Cancellation>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CancelOnDrop<'_> {
    /// The request has ended, or must not be cancelled.
    pub(super) fn disarm(&mut self) {
        self.cancellation = None;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(cancellation) = self.cancellation.take() {
            self.cancellations.lock().push(cancellation);
            self.cancellations.added.notify_one();
        }
    }
}

impl Cancellation {
    async fn send(self, connection: Arc<Connection>) {
        let reason = Some("the caller is gone".to_owned());
        let params = CancelledNotificationParam::new(Some(self.id), reason);
        let notification = CancelledNotification::new(params);
        let notification = ClientNotification::CancelledNotification(notification);
        let message = Message::of(&JsonRpcMessage::notification(notification));
        if let Ok(mut message) = message {
            message.context = self.context;
            // The call has ended, whether this arrives or not.
            let _ = post(connection, message).await;
        }
    }
}

const TIME_LIMIT: Duration = Duration::from_secs(5);
