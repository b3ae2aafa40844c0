//! What an upstream demands of a credential.

use std::fmt;

use http::{HeaderMap, header};

/// What an upstream demands of a credential: its `WWW-Authenticate` headers.
///
/// `Debug` shows nothing of it, since the text comes from the upstream and may hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Challenge(Option<String>);

impl Challenge {
    /// A challenge as a server wrote it.
    #[must_use]
    pub fn new(www_authenticate: impl Into<String>) -> Self {
        Self(Some(www_authenticate.into()))
    }

    /// The challenge in a response's headers; several are joined by commas (RFC 9110 section 5.3).
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let all: Vec<&str> = headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        Self((!all.is_empty()).then(|| all.join(", ")))
    }

    /// The text of the headers, when the server sent one. Do not log it.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The value of a parameter such as `scope`, `error` or `resource_metadata`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut rest = self.0.as_deref()?;
        while let Some(at) = find_ignoring_case(rest, name) {
            let standalone = at == 0 || matches!(rest.as_bytes()[at - 1], b' ' | b',' | b'\t');
            let after = rest[at + name.len()..].trim_start();
            if standalone && let Some(value) = after.strip_prefix('=') {
                return Some(parameter_value(value.trim_start()));
            }
            rest = &rest[at + name.len()..];
        }
        None
    }

    /// Whether the credential holds and lacks a scope (`error="insufficient_scope"`, RFC 6750
    /// section 3.1).
    #[must_use]
    pub fn is_insufficient_scope(&self) -> bool {
        self.parameter("error") == Some("insufficient_scope")
    }

    /// The scopes that the operation needs, from the `scope` parameter.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.parameter("scope")
            .unwrap_or_default()
            .split_whitespace()
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Challenge(..)"
        } else {
            "Challenge(none)"
        })
    }
}

fn find_ignoring_case(text: &str, name: &str) -> Option<usize> {
    text.as_bytes()
        .windows(name.len())
        .position(|window| window.eq_ignore_ascii_case(name.as_bytes()))
}

/// A token or quoted string at the start of `text`.
fn parameter_value(text: &str) -> &str {
    match text.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => text.split([',', ' ', '\t']).next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_challenge_are_found_whole() {
        let challenge = Challenge::new(
            r#"Bearer resource_metadata="https://a/scope=x", Scope="files:read files:write", error=insufficient_scope"#,
        );
        assert_eq!(challenge.parameter("error"), Some("insufficient_scope"));
        assert_eq!(
            challenge.scopes().collect::<Vec<_>>(),
            ["files:read", "files:write"]
        );
        assert_eq!(challenge.parameter("realm"), None);
    }
}
