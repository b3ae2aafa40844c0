//! The content type of a body, and the message in it.

use http::{HeaderMap, header};
use rmcp::model::ServerJsonRpcMessage;

/// The content type of a body, as far as the protocol knows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ContentKind {
    Events,
    Json,
    Other,
}

impl ContentKind {
    /// The kind that the `content-type` header names.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(header::CONTENT_TYPE);
        let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
        let media = text.split(';').next().unwrap_or("").trim();
        if media.eq_ignore_ascii_case("text/event-stream") {
            Self::Events
        } else if media.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else {
            Self::Other
        }
    }
}

/// Parses a body as one message.
pub(crate) fn parse(body: &[u8]) -> Option<ServerJsonRpcMessage> {
    serde_json::from_slice(body).ok()
}
