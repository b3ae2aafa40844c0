//! A session as rmcp sees it: messages out, messages in.

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

use crate::{
    announcement::resolve,
    incoming::{Event, Incoming},
    link::Link,
    post::post,
};

/// A session as rmcp sees it.
pub(crate) struct SseTransport {
    pub(crate) link: Arc<Link>,
    pub(crate) incoming: Incoming,
    pub(crate) answers: UnboundedReceiver<ServerJsonRpcMessage>,
}

impl Transport<RoleClient> for SseTransport {
    type Error = HttpFault;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), HttpFault>> + Send + 'static {
        post(Arc::clone(&self.link), message)
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            let event = tokio::select! {
                biased;
                () = self.link.over.cancelled() => break,
                Some(answer) = self.answers.recv() => return Some(answer),
                event = self.incoming.next() => event,
            };
            match event {
                Ok(Event::Message(text)) => {
                    if let Some(message) = message(&text) {
                        return Some(message);
                    }
                }
                Ok(Event::Endpoint(announced)) => self.hear_again(&announced),
                Ok(Event::Other) => {}
                Err(fault) => self.link.end(fault),
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

impl SseTransport {
    /// An endpoint is announced once. Nothing is ever sent to another.
    fn hear_again(&self, announced: &str) {
        if resolve(&self.link.stream, announced).as_ref() != Ok(&self.link.endpoint) {
            let what = "the server announced another endpoint";
            let fault = HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what);
            self.link.end(fault);
        }
    }
}

impl Drop for SseTransport {
    fn drop(&mut self) {
        self.link.shut();
    }
}

/// The message in an event. An answer that cannot be read ends its request all the same; anything
/// else that cannot be read is left out.
fn message(text: &str) -> Option<ServerJsonRpcMessage> {
    if let Ok(message) = serde_json::from_str(text) {
        return Some(message);
    }
    let named: serde_json::Value = serde_json::from_str(text).ok()?;
    if named.get("method").is_some() {
        return None;
    }
    let id: RequestId = serde_json::from_value(named.get("id")?.clone()).ok()?;
    let error = ErrorData::internal_error("the answer cannot be read", None);
    Some(JsonRpcMessage::Error(JsonRpcError::new(Some(id), error)))
}
