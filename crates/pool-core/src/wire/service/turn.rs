//! The order of notifications: one after the other.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rmcp::model::{GetExtensions, ServerNotification};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};

use crate::handler::NotificationTurn;

/// A notification on its way to the handler.
pub(super) struct Queued {
    pub(super) notification: ServerNotification,
    turn: Arc<TurnGuard>,
    ended: oneshot::Receiver<()>,
}

/// The turn of one notification. It ends when the last clone is dropped.
///
/// rmcp runs each notification on a task of its own, so that two of them could overtake each
/// other. The turn travels in the notification's extensions, and the handler's proxy drops it when
/// the handler has returned.
struct TurnGuard {
    waiters: Option<[oneshot::Sender<()>; 2]>,
    /// Keeps the service running until the handler has returned.
    service: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Drop for TurnGuard {
    fn drop(&mut self) {
        for waiter in self.waiters.take().into_iter().flatten() {
            // A waiter whose time is up is gone.
            let _ = waiter.send(());
        }
    }
}

/// The delivery of a message to its handler.
#[must_use = "an answer must not overtake the progress before it"]
#[derive(Debug, Default)]
pub struct Delivery(Option<oneshot::Receiver<()>>);

impl Delivery {
    /// The delivery of a message that no handler waits for.
    pub(in crate::wire) const DONE: Self = Self(None);

    /// Waits until the handler has returned, for at most one second: a handler that hangs must not
    /// hold up the calls of its session.
    ///
    /// # Cancel safety
    /// Safe: the handler goes on.
    pub async fn handled(self) {
        if let Some(ended) = self.0 {
            let _ = timeout(LONGEST_TURN, ended).await;
        }
    }
}

impl Queued {
    /// A notification and its delivery.
    pub(super) fn new(notification: ServerNotification) -> (Self, Delivery) {
        let (one, ended) = oneshot::channel();
        let (other, delivered) = oneshot::channel();
        let turn = Arc::new(TurnGuard {
            waiters: Some([one, other]),
            service: OnceLock::new(),
        });
        let queued = Self {
            notification,
            turn,
            ended,
        };
        (queued, Delivery(Some(delivered)))
    }

    /// The same notification, which keeps its service running until its turn ends.
    pub(super) fn keeping(self, service: Arc<dyn Any + Send + Sync>) -> Self {
        let _ = self.turn.service.set(service);
        self
    }

    /// The notification with its turn in it, and the turn as the next notification sees it.
    pub(super) fn begin(self) -> (ServerNotification, CurrentTurn) {
        let mut notification = self.notification;
        let turn = NotificationTurn::new(self.turn);
        notification.extensions_mut().insert(turn);
        let current = CurrentTurn {
            ended: self.ended,
            until: Instant::now() + LONGEST_TURN,
        };
        (notification, current)
    }
}

/// The turn that the next notification waits for.
pub(super) struct CurrentTurn {
    ended: oneshot::Receiver<()>,
    until: Instant,
}

impl CurrentTurn {
    /// Waits for the end of the turn. Cancel safe.
    pub(super) async fn ended(&mut self) {
        let _ = timeout_at(self.until, &mut self.ended).await;
    }
}

/// How long a notification keeps the next one waiting.
const LONGEST_TURN: Duration = Duration::from_secs(1);
