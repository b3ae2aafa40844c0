//! The cancellation of a request whose caller is gone.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::extend::{CallContext, Era, WireCall};
use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification,
    RequestId,
};
use tokio::time::timeout;

use super::connection::Connection;

/// A request without an answer. Dropping it cancels the request on a legacy server.
pub(super) struct Unanswered<'c> {
    connection: Option<&'c Connection>,
    id: RequestId,
    context: Option<CallContext>,
}

impl<'c> Unanswered<'c> {
    pub(super) fn of(connection: &'c Connection, call: &WireCall) -> Self {
        let needs_notice = connection.era == Era::Legacy;
        Self {
            connection: needs_notice.then_some(connection),
            id: call.id.clone(),
            context: call.context.clone(),
        }
    }

    /// The request has ended.
    pub(super) fn end(&mut self) {
        self.connection = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Some(connection) = self
            .connection
            .and_then(|connection| connection.me.upgrade())
        else {
            return;
        };
        if connection.has_ended() {
            return;
        }
        let inbox = Arc::clone(&connection.inbox);
        let (id, context) = (self.id.clone(), self.context.take());
        inbox.run_in_background(async move {
            // A server that does not take the notification goes on for nothing.
            let _ = timeout(CANCEL_TIMEOUT, cancel(connection, id, context)).await;
        });
    }
}

/// Sends the notification with the credentials of the caller, as the request was.
async fn cancel(connection: Arc<Connection>, id: RequestId, context: Option<CallContext>) {
    let reason = "the caller is gone".to_owned();
    let params = CancelledNotificationParam::new(Some(id), Some(reason));
    let notification =
        ClientNotification::CancelledNotification(CancelledNotification::new(params));
    let message = ClientJsonRpcMessage::notification(notification);
    let _ = connection.send_message(&message, context.as_ref()).await;
}

/// The time limit for the notification that cancels a request.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
