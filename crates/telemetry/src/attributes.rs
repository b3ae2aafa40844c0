//! Attributes, all of them of few values.

use opentelemetry::{KeyValue, Value};

/// An attribute with one of a few fixed values.
pub(crate) fn word(key: &'static str, value: &'static str) -> KeyValue {
    KeyValue::new(key, value)
}

/// What a method is called in an attribute: its name if the protocol knows it, since anybody may
/// send any other.
pub(crate) fn method(name: &str) -> &'static str {
    let known = METHODS.iter().find(|known| **known == name);
    known.copied().unwrap_or(OTHER)
}

/// A protocol revision, or [`OTHER`] for what no revision looks like.
pub(crate) fn revision(version: &str) -> Value {
    let looks_like_one =
        version.len() == 10 && version.bytes().all(|b| b == b'-' || b.is_ascii_digit());
    match looks_like_one {
        true => version.to_owned().into(),
        false => OTHER.into(),
    }
}

/// Any value that is not listed.
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
    fn what_a_caller_makes_up_is_no_attribute() {
        assert_eq!(method("tools/call"), "tools/call");
        assert_eq!(method("tools/call/made-up"), OTHER);
        assert_eq!(revision("2025-11-25").as_str(), "2025-11-25");
        assert_eq!(revision("made-up-by-a-server").as_str(), OTHER);
    }
}
