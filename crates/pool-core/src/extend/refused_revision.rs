//! A server that refuses the protocol revision which `initialize` offers.

use rmcp::model::{ErrorCode, ErrorData, ProtocolVersion};
use serde_json::Value;

/// The refusal of the protocol revision that `initialize` offered, and the revisions that it names.
///
/// The specification has a server answer with a revision of its own (revision 2025-11-25, lifecycle,
/// version negotiation). Many refuse instead, by an error or by status 400, and may name what they
/// speak in the data or in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRevision {
    named: Vec<ProtocolVersion>,
}

impl RefusedRevision {
    /// The refusal that a JSON-RPC error is, if it is one.
    #[must_use]
    pub fn of_error(error: &ErrorData) -> Option<Self> {
        let data = error.data.as_ref();
        let lists = LISTS.iter().filter_map(|name| data?.get(name)?.as_array());
        let listed: Vec<ProtocolVersion> = lists
            .flatten()
            .filter_map(Value::as_str)
            .filter_map(known)
            .collect();
        if !listed.is_empty() {
            return Some(Self { named: listed });
        }
        let refusal = Self::of_text(&error.message)?;
        // Servers of revision 2026-07-28 alone have this error, and name an older one if they speak it.
        let is_modern = error.code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION;
        (!is_modern || !refusal.named.is_empty()).then_some(refusal)
    }

    /// The refusal that a text is, if it is one: it is about the version of the protocol.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let is_about_it = WORDS.iter().any(|word| lower.contains(word));
        is_about_it.then(|| Self { named: named(text) })
    }

    /// The revision to offer after `offered`: the newest older one that the server names. The next
    /// older one, where it names none. `None`: there is none to offer.
    #[must_use]
    pub fn next(&self, offered: &ProtocolVersion) -> Option<ProtocolVersion> {
        let names_others = self.named.iter().any(|named| named != offered);
        let mut older = ProtocolVersion::KNOWN_VERSIONS.iter().rev();
        let next = older.find(|version| {
            version.has_initialize()
                && *version < offered
                && (!names_others || self.named.contains(version))
        });
        next.cloned()
    }
}

/// The known revisions in a text.
fn named(text: &str) -> Vec<ProtocolVersion> {
    let is_of_date = |c: char| c.is_ascii_digit() || c == '-';
    text.split(|c| !is_of_date(c)).filter_map(known).collect()
}

fn known(text: &str) -> Option<ProtocolVersion> {
    let mut versions = ProtocolVersion::KNOWN_VERSIONS.iter();
    versions.find(|version| version.as_str() == text).cloned()
}

/// The names under which servers list what they speak.
const LISTS: [&str; 4] = [
    "supported",
    "supportedVersions",
    "supported_versions",
    "supportedProtocolVersions",
];
/// What texts about the revision say.
const WORDS: [&str; 4] = [
    "protocol version",
    "protocolversion",
    "protocol revision",
    "protocol-version",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn next(refusal: Option<RefusedRevision>, offered: &ProtocolVersion) -> Option<String> {
        let next = refusal?.next(offered)?;
        Some(next.as_str().to_owned())
    }

    #[test]
    fn the_newest_older_revision_that_the_server_names_is_next() {
        let latest = ProtocolVersion::V_2025_11_25;
        for (text, expected) in [
            (
                "Unsupported protocol version: 2025-11-25 (supported: 2024-11-05, 2025-03-26)",
                Some("2025-03-26"),
            ),
            ("Bad protocolVersion, want 2024-11-05.", Some("2024-11-05")),
            (
                "Unsupported protocol version 2025-11-25",
                Some("2025-06-18"),
            ),
            ("Unsupported protocol version", Some("2025-06-18")),
            ("Unsupported protocol version, use 2026-07-28", None),
            ("Missing session 2024-11-05", None),
            ("", None),
        ] {
            let refusal = RefusedRevision::of_text(text);
            assert_eq!(next(refusal, &latest).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_error_names_revisions_in_its_data_or_in_its_text() {
        let latest = ProtocolVersion::V_2025_11_25;
        let modern = ErrorCode::UNSUPPORTED_PROTOCOL_VERSION.0;
        for (code, text, data, expected) in [
            (
                -32602,
                "x",
                json!({"supported": ["2025-03-26"]}),
                Some("2025-03-26"),
            ),
            (
                -32000,
                "x",
                json!({"supportedVersions": ["2024-11-05", 7]}),
                Some("2024-11-05"),
            ),
            (
                modern,
                "x",
                json!({"supported": ["2026-07-28", "2025-06-18"]}),
                Some("2025-06-18"),
            ),
            (modern, "x", json!({"supported": ["2026-07-28"]}), None),
            (modern, "Unsupported protocol version", Value::Null, None),
            (
                -32602,
                "Unsupported protocol version",
                Value::Null,
                Some("2025-06-18"),
            ),
            (-32602, "Invalid params", Value::Null, None),
            (-32000, "busy", json!({"supported": []}), None),
        ] {
            let error = ErrorData::new(ErrorCode(code), text, Some(data.clone()));
            let refusal = RefusedRevision::of_error(&error);
            assert_eq!(
                next(refusal, &latest).as_deref(),
                expected,
                "{code} {text} {data}"
            );
        }
    }

    #[test]
    fn a_server_that_names_none_is_offered_each_older_revision_once() {
        let refusal = RefusedRevision { named: Vec::new() };
        let mut offered = vec![ProtocolVersion::LATEST_WITH_INITIALIZE];
        while let Some(next) = refusal.next(&offered[offered.len() - 1]) {
            offered.push(next);
        }
        let offered: Vec<_> = offered.iter().map(ProtocolVersion::as_str).collect();
        let expected = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
        assert_eq!(offered, expected);
    }
}
