//! One message of a client, and what the script does with it.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::session::{Part, Parts, Sessions};

/// One message of a client. A script answers it and sends what it likes.
///
/// Over Streamable HTTP the texts go on the response to the message, as events, until the exchange
/// is dropped; without any, the response is 202. Over HTTP+SSE they go on the stream of the session.
#[derive(Clone, Debug)]
pub struct Exchange {
    message: Arc<Value>,
    session: Option<Arc<str>>,
    parts: Parts,
    sessions: Arc<Sessions>,
    revision: &'static str,
}

impl Exchange {
    pub(super) fn new(
        message: Value,
        session: Option<String>,
        parts: Parts,
        sessions: Arc<Sessions>,
        revision: &'static str,
    ) -> Self {
        Self {
            message: Arc::new(message),
            session: session.map(Into::into),
            parts,
            sessions,
            revision,
        }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &Value {
        &self.message
    }

    /// The method; `response` for an answer to a request of the server.
    #[must_use]
    pub fn method(&self) -> &str {
        self.message["method"].as_str().unwrap_or("response")
    }

    /// The id of the request, as JSON text.
    #[must_use]
    pub fn id(&self) -> String {
        self.message["id"].to_string()
    }

    /// An argument of a tool call.
    #[must_use]
    pub fn argument(&self, name: &str) -> &Value {
        &self.message["params"]["arguments"][name]
    }

    /// The progress token, as JSON text.
    #[must_use]
    pub fn token(&self) -> String {
        self.message["params"]["_meta"]["progressToken"].to_string()
    }

    /// The name of the called tool.
    #[must_use]
    pub fn tool(&self) -> &str {
        self.message["params"]["name"].as_str().unwrap_or_default()
    }

    /// Sends a JSON-RPC message as an event. `false`: the client does not read any more.
    pub async fn send(&self, text: &str) -> bool {
        self.send_bytes(event(text)).await
    }

    /// Sends a JSON-RPC message as an event, unless the client does not keep up.
    pub fn try_send(&self, text: &str) -> bool {
        self.parts.try_send(Part::Bytes(event(text))).is_ok()
    }

    /// Sends bytes of an event stream as they are.
    pub async fn send_bytes(&self, bytes: impl Into<Bytes>) -> bool {
        self.parts.send(Part::Bytes(bytes.into())).await.is_ok()
    }

    /// Sends a JSON-RPC message on the stream of the session that belongs to no call.
    pub async fn send_standalone(&self, text: &str) -> bool {
        let session = self.session.as_deref();
        match session.and_then(|session| self.sessions.stream(session)) {
            Some(stream) => stream.send(Part::Bytes(event(text))).await.is_ok(),
            None => false,
        }
    }

    /// Whether a client reads the stream of the session that belongs to no call.
    #[must_use]
    pub fn has_standalone(&self) -> bool {
        let session = self.session.as_deref();
        session.is_some_and(|session| self.sessions.stream(session).is_some())
    }

    /// Answers with this result.
    pub async fn answer(&self, result: &str) -> bool {
        self.send(&self.result(result)).await
    }

    /// The text of a result that answers the message.
    #[must_use]
    pub fn result(&self, result: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#,
            self.id()
        )
    }

    /// Responds with one body. Over Streamable HTTP only, and before anything else is sent.
    pub async fn respond(&self, content_type: Option<&str>, body: impl Into<Bytes>) -> bool {
        let part = Part::Body(content_type.map(str::to_owned), body.into());
        self.parts.send(part).await.is_ok()
    }

    /// The result that a plain server would answer the message with; `None` for a notification and
    /// for an answer.
    #[must_use]
    pub fn plain_result(&self) -> Option<String> {
        self.message.get("id")?;
        let result = match self.message["method"].as_str()? {
            "initialize" => json!({
                "protocolVersion": self.revision,
                "capabilities": { "logging": {}, "tools": {} },
                "serverInfo": { "name": "scripted", "version": "1" },
            }),
            "server/discover" => json!({
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": { "logging": {}, "tools": {} },
                "ttlMs": 0,
                "cacheScope": "private",
            }),
            "tools/list" => json!({ "tools": [] }),
            "tools/call" => json!({ "content": [{ "type": "text", "text": "1" }] }),
            _ => json!({}),
        };
        Some(result.to_string())
    }

    /// Answers as a plain server would.
    pub async fn answer_plainly(&self) -> bool {
        match self.plain_result() {
            Some(result) => self.answer(&result).await,
            None => true,
        }
    }
}

/// A message as an event.
pub(super) fn event(text: &str) -> Bytes {
    format!("event: message\ndata: {text}\n\n").into()
}
