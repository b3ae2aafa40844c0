//! The progress of calls that rmcp sends.

use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    ClientRequest, GetMeta, ProgressNotification, ProgressToken, ServerNotification,
};
use tokio::sync::mpsc;

use super::turn::{Delivery, Queued};
use crate::handler::ProgressSink;

/// The progress of a call that rmcp sends, under rmcp's own token.
pub(super) struct CallProgress {
    token: ProgressToken,
    ordered: mpsc::Sender<Queued>,
    last: Arc<Mutex<Delivery>>,
}

impl CallProgress {
    pub(super) fn of(request: &ClientRequest, ordered: &mpsc::Sender<Queued>) -> Option<Self> {
        Some(Self {
            token: request.get_meta().get_progress_token()?,
            ordered: ordered.clone(),
            last: Arc::default(),
        })
    }

    pub(super) fn sink(&self) -> ProgressSink {
        let (token, ordered) = (self.token.clone(), self.ordered.clone());
        let last = Arc::clone(&self.last);
        ProgressSink::new(move |mut params| {
            params.progress_token = token.clone();
            let notification = ProgressNotification::new(params);
            let notification = ServerNotification::ProgressNotification(notification);
            let (queued, delivery) = Queued::new(notification);
            // A full queue is the fault of a handler that hangs, and loses progress alone.
            if ordered.try_send(queued).is_ok() {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = delivery;
            }
        })
    }

    /// Waits until the handler has the progress that came before the answer.
    pub(super) async fn delivered(self) {
        let last = std::mem::take(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner));
        last.handled().await;
    }
}
