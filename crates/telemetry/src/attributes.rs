//! The values of attributes. Each attribute has few different values.

use mcp_pool_core::{
    error::{AcquireError, CallError},
    event::{CallFinished, CloseReason},
};
use opentelemetry::{KeyValue, Value};

use crate::names::attribute;

/// An attribute with a fixed value.
pub(crate) fn word(key: &'static str, value: &'static str) -> KeyValue {
    KeyValue::new(key, value)
}

/// The name of a method if the protocol has it, otherwise [`OTHER`]. A caller
/// may send any other name.
pub(crate) fn method(name: &str) -> &'static str {
    let known = METHODS.iter().find(|known| **known == name);
    known.copied().unwrap_or(OTHER)
}

/// A protocol revision, or [`OTHER`] for a text without the form of one.
pub(crate) fn revision(version: &str) -> Value {
    let is_revision =
        version.len() == 10 && version.bytes().all(|b| b == b'-' || b.is_ascii_digit());
    match is_revision {
        true => version.to_owned().into(),
        false => OTHER.into(),
    }
}

/// Adds the error of a call, if it failed.
pub(crate) fn push_error(attributes: &mut Vec<KeyValue>, event: &CallFinished<'_>) {
    match event.error() {
        Some(error @ CallError::Rpc(_)) => {
            let code = rpc_code(error);
            attributes.push(KeyValue::new(attribute::ERROR_TYPE, code.clone()));
            attributes.push(KeyValue::new(attribute::RPC_STATUS, code));
        }
        Some(error) => {
            let kind = error.label().into_owned();
            attributes.push(KeyValue::new(attribute::ERROR_TYPE, kind));
        }
        None if event.tool_failed() => {
            attributes.push(word(attribute::ERROR_TYPE, "tool_error"));
        }
        None => {}
    }
}

/// The code of a server's error if JSON-RPC reserves it, otherwise
/// [`OTHER`]. A server may invent any other code.
fn rpc_code(error: &CallError) -> String {
    match error {
        CallError::Rpc(error) if RESERVED.contains(&error.code.0) => error.code.0.to_string(),
        _ => OTHER.to_owned(),
    }
}

/// What an acquire that timed out had waited for; `None` for another error.
pub(crate) fn timeout_stage(error: &AcquireError) -> Option<&'static str> {
    match error {
        AcquireError::Timeout { stage, .. } => Some(stage.as_str()),
        AcquireError::Quota { .. } => Some("quota"),
        _ => None,
    }
}

/// The attribute for a protocol revision.
pub(crate) fn version(text: &str) -> KeyValue {
    KeyValue::new(attribute::PROTOCOL_VERSION, revision(text))
}

/// True if this reason for a close is an error.
pub(crate) fn is_failure(reason: CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::Broken | CloseReason::CheckFailed | CloseReason::Lost
    )
}

/// The value for all that are not listed.
pub(crate) const OTHER: &str = "_OTHER";

/// The requests that a client may send, in all revisions.
const METHODS: [&str; 19] = [
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tools/call",
    "tools/list",
];

/// The codes that JSON-RPC 2.0 section 5.1 reserves.
const RESERVED: std::ops::RangeInclusive<i32> = -32_768..=-32_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_caller_invents_is_no_attribute() {
        assert_eq!(method("tools/call"), "tools/call");
        assert_eq!(method("tools/call/invented"), OTHER);
        assert_eq!(revision("2025-11-25").as_str(), "2025-11-25");
        assert_eq!(revision("invented-by-a-server").as_str(), OTHER);
    }
}
