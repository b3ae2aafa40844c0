//! The adapter to rmcp: sends and receives the messages of a session.

use std::sync::Arc;

use mcp_pool_core::error::{FaultKind, Outcome};
use mcp_pool_http::HttpFault;
use rmcp::{
    RoleClient,
    model::{
        ClientJsonRpcMessage, ErrorData, JsonRpcError, JsonRpcMessage, RequestId,
        ServerJsonRpcMessage,
    },
    transport::Transport,
};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{connection::Connection, post::post};
use crate::{
    announcement::resolve,
    stream::{Event, Incoming},
};

/// rmcp's view of a session: a `Transport`.
pub(crate) struct RmcpAdapter {
    pub(crate) connection: Arc<Connection>,
    pub(crate) incoming: Incoming,
    pub(crate) answers: UnboundedReceiver<ServerJsonRpcMessage>,
}

impl Transport<RoleClient> for RmcpAdapter {
    type Error = HttpFault;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), HttpFault>> + Send + 'static {
        post(Arc::clone(&self.connection), message)
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            let event = tokio::select! {
                biased;
                () = self.connection.ended.cancelled() => break,
                Some(answer) = self.answers.recv() => return Some(answer),
                event = self.incoming.next() => event,
            };
            match event {
                Ok(Event::Message(text)) => {
                    if let Some(message) = message(&text) {
                        return Some(message);
                    }
                }
                Ok(Event::Endpoint(announced)) => self.check_repeated_endpoint(&announced),
                Ok(Event::Other) => {}
                Err(fault) => self.connection.fail(fault),
            }
        }
        self.incoming.close();
        None
    }

    async fn close(&mut self) -> Result<(), HttpFault> {
        self.incoming.close();
        Ok(())
    }
}

impl RmcpAdapter {
    /// Ends the session if the server announces another endpoint.
    fn check_repeated_endpoint(&self, announced: &str) {
        if resolve(&self.connection.stream, announced).as_ref() != Ok(&self.connection.endpoint) {
            let what = "the server announced another endpoint";
            let fault = HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what);
            self.connection.fail(fault);
        }
    }
}

impl Drop for RmcpAdapter {
    fn drop(&mut self) {
        self.connection.close();
    }
}

/// Parses the message of an event.
///
/// A malformed answer becomes an error for its request, which would wait for ever otherwise. Other
/// malformed messages are ignored.
fn message(text: &str) -> Option<ServerJsonRpcMessage> {
    if let Ok(message) = serde_json::from_str(text) {
        return Some(message);
    }
    let named: serde_json::Value = serde_json::from_str(text).ok()?;
    if named.get("method").is_some() {
        return None;
    }
    let id: RequestId = serde_json::from_value(named.get("id")?.clone()).ok()?;
    let error = ErrorData::internal_error("the answer is malformed", None);
    Some(JsonRpcMessage::Error(JsonRpcError::new(Some(id), error)))
}
