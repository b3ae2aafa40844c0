//! The readers of what comes from servers and callers, each with a property that holds for any input.

use super::{from_callers, from_servers, outcome::Property};

/// A reader under test.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// The folders of its corpus, in the repository.
    pub(crate) corpus: &'static [&'static str],
    /// What its inputs are made of.
    pub(crate) words: &'static [&'static str],
    /// Makes the property.
    pub(crate) property: fn() -> Property,
}

/// All targets.
pub(crate) const TARGETS: [Target; 8] = [
    Target {
        name: "stream",
        corpus: &["crates/testkit/fixtures/sse"],
        words: &[
            "data:", "event:", "id:", "retry: 5", "\n\n", "\r\n", ":", "\u{feff}", "{}",
        ],
        property: || Box::new(from_servers::stream),
    },
    Target {
        name: "messages",
        corpus: &["fuzz/corpus/messages"],
        words: &[
            "\"jsonrpc\":\"2.0\"",
            "\"id\":",
            "null",
            "[",
            "]",
            "{",
            "}",
            ",",
            "1e999",
            "\\u0000",
        ],
        property: || Box::new(from_servers::messages),
    },
    Target {
        name: "endpoint",
        corpus: &["fuzz/corpus/endpoint"],
        words: &[
            "http://",
            "//",
            "@",
            "?sessionId=",
            "#",
            "../",
            "\\",
            "%2e",
            ":443",
            "\t",
        ],
        property: || Box::new(from_servers::endpoint),
    },
    Target {
        name: "challenge",
        corpus: &["fuzz/corpus/challenge"],
        words: &[
            "Bearer ",
            "DPoP ",
            "error=",
            "scope=\"",
            "resource_metadata=",
            ",",
            "\"",
            "\\",
            "\n",
        ],
        property: || Box::new(from_servers::challenge),
    },
    Target {
        name: "retry_after",
        corpus: &["fuzz/corpus/retry_after"],
        words: &[
            "GMT",
            "Sun, ",
            "06 Nov 1994 ",
            "08:49:37",
            "0",
            "99999999999999999999",
            "-",
        ],
        property: || Box::new(from_servers::retry_after),
    },
    Target {
        name: "header_identity",
        corpus: &["fuzz/corpus/header_identity"],
        words: &[
            "authorization: ",
            "x-user-id: ",
            "x-tenant-id: ",
            "cookie: ",
            "\n",
            "alice",
        ],
        property: || Box::new(from_callers::header_identity),
    },
    Target {
        name: "jwt",
        corpus: &["fuzz/corpus/jwt"],
        words: &[".", "=", "eyJhbGciOiJub25lIn0", "eyJ", "A", "-", "_"],
        property: from_callers::jwt,
    },
    Target {
        name: "jwks",
        corpus: &["fuzz/corpus/jwks"],
        words: &[
            "\"keys\":[",
            "\"kty\":",
            "\"RSA\"",
            "\"EC\"",
            "\"crv\":",
            "\"n\":",
            "\"e\":\"AQAB\"",
            "\"kid\":",
            "{}",
        ],
        property: || Box::new(from_callers::jwks),
    },
];
