//! The reader of a session's stream.

use std::sync::Arc;

use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{Incoming, IncomingKind, RequestIds, malformed_answers, named_ids, read_messages},
};
use mcp_pool_http::HttpFault;
use rmcp::model::RequestId;

use super::wire::SessionWire;
use crate::{
    announcement::resolve,
    stream::{Event, Stream},
};

/// The reader of a session's stream: the one task of a session.
///
/// Dropping it ends the session.
pub(super) struct Reader {
    wire: Arc<SessionWire>,
    stream: Stream,
}

impl Reader {
    pub(super) fn new(wire: Arc<SessionWire>, stream: Stream) -> Self {
        Self { wire, stream }
    }

    /// Reads until the session or the stream ends.
    pub(super) async fn run(mut self) {
        let wire = Arc::clone(&self.wire);
        let connection = &wire.connection;
        tokio::select! {
            // A message that is dropped here has no session any more.
            () = connection.ended.cancelled() => {}
            fault = self.read() => connection.fail(fault),
            () = wire.cancellations.send(connection) => {}
        }
    }

    /// Reads until the stream ends.
    async fn read(&mut self) -> HttpFault {
        loop {
            match self.stream.next().await {
                Ok(Event::Message(text)) => self.messages(&text).await,
                Ok(Event::Cut(ends)) => self.cut(&ends),
                Ok(Event::Endpoint(announced)) => self.check_repeated_endpoint(&announced),
                Ok(Event::Other) => {}
                Err(fault) => return fault,
            }
        }
    }

    /// Ends the calls whose answer a message is that is too large.
    fn cut(&self, ends: &str) {
        let (pending, limit) = (&self.wire.pending, self.wire.connection.limits.max_event);
        let too_large = || HttpFault::too_large(limit);
        let ids = named_ids(ends.as_bytes());
        for id in &ids {
            pending.fail(id, too_large());
        }
        if !ids.iter().any(RequestIds::is_of_pool) && may_be_answer(ends) {
            pending.fail_only(too_large());
        }
    }

    async fn messages(&self, text: &str) {
        let messages = read_messages(text.as_bytes());
        if messages.is_none() || is_batch(text) {
            for id in malformed_answers(text.as_bytes()) {
                self.wire.pending.fail(&id, malformed());
            }
        }
        for message in messages.unwrap_or_default() {
            match message.kind() {
                IncomingKind::Result | IncomingKind::Error => self.answer(&message).await,
                _ => self.receive(&message).await,
            }
        }
    }

    async fn answer(&self, message: &Incoming<'_>) {
        let is_answer = self.wire.pending.receive(message);
        // A refusal introduces no server: `initialize` may be sent again after it.
        let introduces = is_answer && message.kind() == IncomingKind::Result;
        if introduces && self.wire.peer_info.get().is_none() {
            // This is the answer to `initialize`. What comes after it may need what is in it.
            self.wire.peer_info.wait().await;
        }
    }

    async fn receive(&self, message: &Incoming<'_>) {
        let delivery = self.wire.inbox.receive(message).await;
        if message.method() == Some(PROGRESS)
            && let Some(token) = progress_token(message)
        {
            self.wire.pending.progress(&token, delivery);
        }
    }

    /// Ends the session if the server announces another endpoint.
    fn check_repeated_endpoint(&self, announced: &str) {
        let connection = &self.wire.connection;
        if resolve(&connection.stream, announced).as_ref() != Ok(&connection.endpoint) {
            let what = "the server announced another endpoint";
            let fault = HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what);
            connection.fail(fault);
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.wire.connection.close();
        self.wire.pending.close();
        self.wire.inbox.close();
    }
}

fn is_batch(text: &str) -> bool {
    text.trim_start_matches(BYTE_ORDER_MARK)
        .trim_ascii_start()
        .starts_with('[')
}

/// Whether the ends of a text may be those of an answer: a request and a notification name a method.
fn may_be_answer(ends: &str) -> bool {
    !ends.contains("\"method\"")
}

/// The token in a progress notification, which is the id of a request.
fn progress_token(message: &Incoming<'_>) -> Option<RequestId> {
    let mut message: serde_json::Value = serde_json::from_str(message.text()).ok()?;
    let token = message.pointer_mut("/params/progressToken")?.take();
    serde_json::from_value(token).ok()
}

/// The server's answer cannot be read. Whether it executed the request is not known.
fn malformed() -> HttpFault {
    let what = "the answer is malformed";
    HttpFault::harmless(Outcome::Unknown, FaultKind::Protocol, what)
}

const BYTE_ORDER_MARK: char = '\u{feff}';
const PROGRESS: &str = "notifications/progress";
