//! Reading of JSON-RPC messages, as liberally as is safe.

use std::{borrow::Cow, fmt};

use rmcp::model::{ErrorCode, ErrorData, RequestId};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One message of a server, with its parts still as text.
pub struct Incoming<'a> {
    text: &'a str,
    envelope: Envelope<'a>,
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IncomingKind {
    /// An error. Without an id it answers no request in particular.
    Error,
    /// A notification.
    Notification,
    /// A request of the server.
    Request,
    /// A result.
    Result,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Reads a member that is there. A result may be null; the member is missing otherwise.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(member: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(member).map(Some)
}

/// An error as servers write it. The code or the text may be missing.
#[derive(Deserialize)]
struct LooseError {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: serde_json::Value,
    #[serde(default)]
    data: Option<serde_json::Value>,
}

/// Reads one message, or the messages of a batch (revision 2025-03-26, batching).
///
/// A byte order mark is skipped. `None`: the text is no JSON-RPC message.
#[must_use]
pub fn read_messages(text: &[u8]) -> Option<Vec<Incoming<'_>>> {
    let text = str::from_utf8(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)).ok()?;
    let text = text.trim_ascii();
    if !text.starts_with('[') {
        return Some(vec![Incoming::read(text)?]);
    }
    let batch: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    // One unreadable member does not hide the others.
    let messages = batch.into_iter();
    Some(
        messages
            .filter_map(|raw| Incoming::read(raw.get()))
            .collect(),
    )
}

impl Envelope<'_> {
    fn has_result(&self) -> bool {
        let is_null = |result: &RawValue| result.get() == "null";
        let result = self.result;
        result.is_some_and(|result| self.error.is_none() || !is_null(result))
    }
}

impl<'a> Incoming<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let envelope: Envelope<'a> = serde_json::from_str(text).ok()?;
        let is_message =
            envelope.method.is_some() || envelope.result.is_some() || envelope.error.is_some();
        is_message.then_some(Self { text, envelope })
    }

    /// What kind of message it is. A result beside an error is a result, unless it is null.
    #[must_use]
    pub fn kind(&self) -> IncomingKind {
        let envelope = &self.envelope;
        match (&envelope.method, envelope.id) {
            (Some(_), Some(_)) => IncomingKind::Request,
            (Some(_), None) => IncomingKind::Notification,
            (None, _) if envelope.has_result() => IncomingKind::Result,
            (None, _) => IncomingKind::Error,
        }
    }

    /// The whole text of the message.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The method of a request or notification.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.envelope.method.as_deref()
    }

    /// True when the message names an id.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.envelope.id.is_some()
    }

    /// The id of the message.
    #[must_use]
    pub fn id(&self) -> Option<RequestId> {
        serde_json::from_str(self.envelope.id?.get()).ok()
    }

    /// True when the message is about the request with this id.
    #[must_use]
    pub fn is_for(&self, id: &RequestId) -> bool {
        let Some(raw) = self.envelope.id else {
            return false;
        };
        match id {
            // The ids of this crate need no escapes, so that the text decides.
            RequestId::String(text) => {
                let inner = raw
                    .get()
                    .strip_prefix('"')
                    .and_then(|raw| raw.strip_suffix('"'));
                inner == Some(text) || self.id().as_ref() == Some(id)
            }
            RequestId::Number(_) => self.id().as_ref() == Some(id),
        }
    }

    /// The result as JSON text.
    #[must_use]
    pub fn result(&self) -> Option<&'a RawValue> {
        self.envelope.result
    }

    /// The error. A code or text that is missing or of another type becomes -32603 or empty.
    #[must_use]
    pub fn error(&self) -> Option<ErrorData> {
        let raw = self.envelope.error?;
        let Ok(error) = serde_json::from_str::<LooseError>(raw.get()) else {
            return Some(ErrorData::new(ErrorCode::INTERNAL_ERROR, "", None));
        };
        let code = error
            .code
            .as_i64()
            .and_then(|code| i32::try_from(code).ok());
        let code = code.map_or(ErrorCode::INTERNAL_ERROR, ErrorCode);
        let message = error.message.as_str().unwrap_or_default().to_owned();
        Some(ErrorData::new(code, message, error.data))
    }
}

impl fmt::Debug for Incoming<'_> {
    /// Shows the kind, and no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Incoming").field(&self.kind()).finish()
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Option<Vec<IncomingKind>> {
        let messages = read_messages(text.as_bytes())?;
        Some(messages.iter().map(Incoming::kind).collect())
    }

    #[test]
    fn every_kind_of_message_is_told_from_the_others() {
        for (text, kind) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
                IncomingKind::Result,
            ),
            (r#"{"id":1,"result":{},"error":null}"#, IncomingKind::Result),
            (r#"{"id":1,"result":null}"#, IncomingKind::Result),
            (
                r#"{"id":1,"error":null,"result":null}"#,
                IncomingKind::Result,
            ),
            (
                r#"{"id":1,"result":null,"error":{"code":1,"message":"x"}}"#,
                IncomingKind::Error,
            ),
            (
                r#"{"id":null,"error":{"code":-1,"message":"x"}}"#,
                IncomingKind::Error,
            ),
            (r#"{"id":"a","method":"ping"}"#, IncomingKind::Request),
            (
                r#"{"method":"notifications/x","params":{}}"#,
                IncomingKind::Notification,
            ),
            ("\u{feff} {\"id\":1,\"result\":[]} ", IncomingKind::Result),
        ] {
            assert_eq!(kinds(text), Some(vec![kind]), "{text}");
        }
    }

    #[test]
    fn a_batch_is_its_messages_and_an_unreadable_member_hides_no_other() {
        let text = r#"[{"method":"a"},7,{"id":1,"result":{}}]"#;
        let expected = vec![IncomingKind::Notification, IncomingKind::Result];
        assert_eq!(kinds(text), Some(expected));
    }

    #[test]
    fn other_text_is_no_message() {
        for text in ["", "{}", "7", "<html>", r#"{"id":1}"#, "[", "\u{feff}"] {
            assert_eq!(kinds(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_is_compared_as_a_value() {
        let is_for = |text: &str, id: RequestId| {
            let text = format!(r#"{{"id":{text},"result":{{}}}}"#);
            read_messages(text.as_bytes()).expect("a message")[0].is_for(&id)
        };
        let text = |text: &str| RequestId::String(text.into());
        assert!(is_for(r#""ab-1""#, text("ab-1")));
        assert!(is_for(r#""\u0061b-1""#, text("ab-1")));
        assert!(!is_for(r#""ab-2""#, text("ab-1")));
        assert!(!is_for("null", text("null")));
        assert!(is_for("7", RequestId::Number(7)));
        assert!(!is_for(r#""7""#, RequestId::Number(7)));
    }

    #[test]
    fn an_error_without_code_or_text_is_still_an_error() {
        for (text, code, message) in [
            (
                r#"{"code":-32001,"message":"gone","data":1}"#,
                -32001,
                "gone",
            ),
            (r#"{"message":7}"#, -32603, ""),
            (r#""broken""#, -32603, ""),
        ] {
            let text = format!(r#"{{"id":1,"error":{text}}}"#);
            let messages = read_messages(text.as_bytes()).expect("a message");
            let error = messages[0].error().expect("an error");
            assert_eq!((error.code.0, &*error.message), (code, message));
        }
    }
}
