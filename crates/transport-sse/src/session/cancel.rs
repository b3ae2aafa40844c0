//! The cancellation of a request whose caller is gone.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::extend::CallContext;
use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientNotification, JsonRpcMessage,
    RequestId,
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    connection::Connection,
    post::{Message, post},
};

/// Cancels its request on the server when dropped, unless it is disarmed.
pub(super) struct CancelOnDrop(Option<Cancellation>);

struct Cancellation {
    connection: Arc<Connection>,
    id: RequestId,
    /// The caller of the request, whose credentials the cancellation needs too.
    context: Option<CallContext>,
}

impl CancelOnDrop {
    pub(super) fn new(
        connection: &Arc<Connection>,
        id: RequestId,
        context: Option<CallContext>,
    ) -> Self {
        Self(Some(Cancellation {
            connection: Arc::clone(connection),
            id,
            context,
        }))
    }

    /// The request has ended.
    pub(super) fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        // Without a runtime nothing can be sent.
        if let (Some(cancellation), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(cancellation.send());
        }
    }
}

impl Cancellation {
    async fn send(self) {
        let reason = Some("the caller is gone".to_owned());
        let params = CancelledNotificationParam::new(Some(self.id), reason);
        let notification = CancelledNotification::new(params);
        let notification = ClientNotification::CancelledNotification(notification);
        let message = Message::of(&JsonRpcMessage::notification(notification));
        if let Ok(mut message) = message {
            message.context = self.context;
            // The call has ended, whether this arrives or not.
            let _ = timeout(TIME_LIMIT, post(self.connection, message)).await;
        }
    }
}

const TIME_LIMIT: Duration = Duration::from_secs(5);
