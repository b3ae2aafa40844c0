//! Values of a request as header values (revision 2026-07-28, transports, value encoding).

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use serde_json::Value;

/// A text as a header value: as it is where a header can hold it, otherwise in base64.
pub(super) fn header_value(text: &str) -> Option<HeaderValue> {
    let encoded = match needs_base64(text) {
        true => format!("{PREFIX}{}{SUFFIX}", BASE64_STANDARD.encode(text)),
        false => text.to_owned(),
    };
    HeaderValue::from_str(&encoded).ok()
}

/// A string, boolean or number as a header value; `None` for any other value.
pub(super) fn primitive(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => header_value(text),
        Value::Bool(flag) => HeaderValue::from_str(&flag.to_string()).ok(),
        Value::Number(number) => HeaderValue::from_str(&number.to_string()).ok(),
        Value::Array(_) | Value::Null | Value::Object(_) => None,
    }
}

/// True for a text that a header would change, or that looks like an encoded one.
fn needs_base64(text: &str) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = text.as_bytes();
    let is_plain = bytes.iter().all(|byte| (0x20..=0x7e).contains(byte));
    let is_padded = is_space(bytes.first()) || is_space(bytes.last());
    let looks_encoded = text.starts_with(PREFIX) && text.ends_with(SUFFIX);
    !is_plain || is_padded || looks_encoded
}

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_a_header_would_change_travels_in_base64() {
        for (text, value) in [
            ("plain value", "plain value"),
            ("", ""),
            (" padded", "=?base64?IHBhZGRlZA==?="),
            ("tab\t", "=?base64?dGFiCQ==?="),
            ("zwölf", "=?base64?enfDtmxm?="),
            ("a\nb", "=?base64?YQpi?="),
            ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="),
        ] {
            assert_eq!(header_value(text).expect("a value"), value, "{text:?}");
        }
    }

    #[test]
    fn only_primitive_values_become_headers() {
        for (value, header) in [
            (json!("x"), Some("x")),
            (json!(true), Some("true")),
            (json!(7), Some("7")),
            (json!(null), None),
            (json!([1]), None),
            (json!({}), None),
        ] {
            let value = primitive(&value);
            assert_eq!(value.as_ref().and_then(|value| value.to_str().ok()), header);
        }
    }
}
