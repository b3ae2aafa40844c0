//! The ids in answers that cannot be read.

use rmcp::model::RequestId;
use serde_json::{Deserializer, Value};

/// The ids of the answers in a text that have neither a result nor an error, or are no JSON.
///
/// Their requests would wait for ever otherwise. Only a text that is no message, or a batch, can hold such
/// answers.
#[must_use]
pub fn malformed_answers(text: &[u8]) -> Vec<RequestId> {
    match serde_json::from_slice::<Value>(text) {
        Ok(Value::Array(batch)) => batch.iter().filter_map(malformed_answer).collect(),
        Ok(message) => malformed_answer(&message).into_iter().collect(),
        Err(_) => named_ids(text),
    }
}

/// The id of a message that is an answer to something, but without a result or an error.
fn malformed_answer(message: &Value) -> Option<RequestId> {
    let has = |name| message.get(name).is_some_and(|value| !value.is_null());
    // A result may be null.
    if has("method") || message.get("result").is_some() || has("error") {
        return None;
    }
    serde_json::from_value(message.get("id")?.clone()).ok()
}

/// The ids that a text names which is no JSON, or a part of it. An id of this pool is too long to be
/// there by chance, so that any place in the text will do.
#[must_use]
pub fn named_ids(text: &[u8]) -> Vec<RequestId> {
    let text = String::from_utf8_lossy(text);
    let places = text.split("\"id\"").skip(1);
    let named = places.filter_map(|rest| {
        let value = rest.trim_start().strip_prefix(':')?;
        let mut values = Deserializer::from_str(value).into_iter::<String>();
        let id = values.next()?.ok()?;
        Some(RequestId::String(id.into()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        let ids = malformed_answers(text.as_bytes());
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_ids_of_malformed_answers_are_found() {
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":"a-1"}"#, &["a-1"][..]),
            (r#"{"id":"a-1","error":null}"#, &["a-1"]),
            (r#"{"id": "a-1", "result": {"text": "#, &["a-1"]),
            (r#"{"result":{"id":7},"id" : "a-1" what"#, &["a-1"]),
            (r#"log: {"id":"a-1","result":{}}"#, &["a-1"]),
            (r#"[{"id":"a-1"},{"id":"a-2","result":{}}]"#, &["a-1"]),
            (r#"[{"id":"a-1"},{"id":"a-2""#, &["a-1", "a-2"]),
        ] {
            assert_eq!(ids(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_names_no_request_is_no_answer() {
        for text in [
            "",
            "hello",
            "7",
            r#"{"id":null}"#,
            r#"{"method":"ping","id":"a-1"}"#,
            r#"{"id":"a-1","result":null}"#,
            r#"{"requestId":"a-1"}"#,
            r#""id""#,
            r#"{"id":"a-"#,
        ] {
            assert!(ids(text).is_empty(), "{text}");
        }
    }
}
