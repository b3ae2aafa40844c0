//! The values of attributes. Each attribute has few different values.

use opentelemetry::{KeyValue, Value};

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
