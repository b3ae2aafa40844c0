//! What an upstream demands of a credential.

use std::{borrow::Cow, fmt, sync::Arc};

use http::{HeaderMap, header};
use http_auth::parse_challenges;

/// What an upstream demands of a credential: its `WWW-Authenticate` headers.
///
/// `Debug` shows nothing of it, since the text comes from the upstream and may hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Challenge(Option<Arc<Headers>>);

/// The headers of a challenge, as text and as what they mean.
#[derive(PartialEq, Eq)]
struct Headers {
    text: String,
    parameters: Vec<Parameter>,
}

/// One parameter. Its name is in lower case, its value without quotes.
#[derive(PartialEq, Eq)]
struct Parameter {
    name: String,
    value: String,
}

impl Challenge {
    /// A challenge as a server wrote it.
    #[must_use]
    pub fn new(www_authenticate: impl Into<String>) -> Self {
        let text = www_authenticate.into();
        let parameters = parameters_of([text.as_str()]);
        Self(Some(Arc::new(Headers { text, parameters })))
    }

    /// The challenge in a response's headers; several are joined by commas (RFC 9110 section 5.3).
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let all: Vec<&str> = headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        if all.is_empty() {
            return Self(None);
        }
        // A header that cannot be read does not hide the others.
        let parameters = parameters_of(all.iter().copied());
        let text = all.join(", ");
        Self(Some(Arc::new(Headers { text, parameters })))
    }

    /// The text of the headers, when the server sent one. Do not log it.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&str> {
        self.0.as_deref().map(|headers| headers.text.as_str())
    }

    /// The value of a parameter such as `scope`, `error` or `resource_metadata`.
    ///
    /// Of several challenges, `Bearer` comes first. A header that is no valid list of challenges has
    /// no parameters.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let parameters = &self.0.as_deref()?.parameters;
        let mut named = parameters
            .iter()
            .filter(|parameter| parameter.name.eq_ignore_ascii_case(name));
        named.next().map(|parameter| parameter.value.as_str())
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

/// The parameters of all challenges, those of `Bearer` first.
fn parameters_of<'h>(headers: impl IntoIterator<Item = &'h str>) -> Vec<Parameter> {
    let (mut bearer, mut other) = (Vec::new(), Vec::new());
    for header in headers {
        let header = without_token68(header);
        for challenge in parse_challenges(&header).unwrap_or_default() {
            let is_bearer = challenge.scheme.eq_ignore_ascii_case("bearer");
            let parameters = challenge.params.iter().map(|(name, value)| Parameter {
                name: name.to_ascii_lowercase(),
                value: value.to_unescaped(),
            });
            match is_bearer {
                true => bearer.extend(parameters),
                false => other.extend(parameters),
            }
        }
    }
    bearer.append(&mut other);
    bearer
}

/// The header with only the scheme of challenges such as `Negotiate YII=`, which the parser does not
/// know (`token68`, RFC 9110 section 11.2).
fn without_token68(header: &str) -> Cow<'_, str> {
    let scheme_of = |element| scheme_with_token68(element).unwrap_or(element);
    match elements(header).any(|element| scheme_with_token68(element).is_some()) {
        true => elements(header)
            .map(scheme_of)
            .collect::<Vec<_>>()
            .join(", ")
            .into(),
        false => header.into(),
    }
}

/// The parts of a list between commas that are in no quoted string.
fn elements(header: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let elements = header.split(move |character| {
        let is_escaped = std::mem::take(&mut escaped);
        match character {
            '\\' if quoted && !is_escaped => escaped = true,
            '"' if !is_escaped => quoted = !quoted,
            _ => {}
        }
        character == ',' && !quoted
    });
    elements.map(str::trim)
}

/// The scheme of a challenge that has a single token and no parameter.
fn scheme_with_token68(element: &str) -> Option<&str> {
    let (scheme, token) = element.split_once([' ', '\t'])?;
    let token = token.trim().trim_end_matches('=');
    let is_token = !token.is_empty()
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
    is_token.then_some(scheme)
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
        assert!(challenge.is_insufficient_scope());
        assert_eq!(
            challenge.scopes().collect::<Vec<_>>(),
            ["files:read", "files:write"]
        );
        assert_eq!(challenge.parameter("realm"), None);
    }

    #[test]
    fn a_parameter_inside_of_a_quoted_string_is_text() {
        for (text, scope) in [
            (r#"Bearer error_description="needs scope=admin""#, None),
            (r#"Bearer error_description="a, scope=\"admin\"""#, None),
            (
                r#"Bearer error_description="no, scope=x, is", scope="a b""#,
                Some("a b"),
            ),
            (r#"Bearer realm="\\", scope="a""#, Some("a")),
            (r#"Basic realm="Bearer scope=admin""#, None),
        ] {
            assert_eq!(Challenge::new(text).parameter("scope"), scope, "{text}");
        }
    }

    #[test]
    fn a_quoted_value_is_unescaped() {
        let challenge = Challenge::new(r#"Bearer realm="a \"b\", \\c""#);
        assert_eq!(challenge.parameter("REALM"), Some(r#"a "b", \c"#));
    }

    #[test]
    fn of_several_challenges_each_parameter_is_found_and_bearer_comes_first() {
        for text in [
            r#"Basic realm="basic", Bearer realm="bearer", error="invalid_token""#,
            r#"Bearer realm="bearer", error="invalid_token", Basic realm="basic""#,
            r#"Negotiate, bearer error=invalid_token, realm=bearer"#,
            r#"Negotiate YII+a/b-c~d._=, Bearer realm="bearer", error="invalid_token""#,
            r#"NTLM TlRMTVNTUAACAAAA==, Basic realm="a, b", Bearer realm="bearer", error="invalid_token""#,
            r#"Digest realm="d", nonce="1==", Bearer realm = "bearer" ,error="invalid_token""#,
        ] {
            let challenge = Challenge::new(text);
            assert_eq!(challenge.parameter("realm"), Some("bearer"), "{text}");
            assert_eq!(
                challenge.parameter("error"),
                Some("invalid_token"),
                "{text}"
            );
        }
    }

    #[test]
    fn several_headers_are_several_challenges() {
        let mut headers = HeaderMap::new();
        for text in [r#"Basic realm="x"#, r#"Bearer scope="a""#, "Negotiate YII="] {
            headers.append(header::WWW_AUTHENTICATE, text.parse().unwrap());
        }
        let challenge = Challenge::from_headers(&headers);
        assert_eq!(challenge.parameter("scope"), Some("a"));
        assert_eq!(challenge.parameter("realm"), None, "it cannot be read");
        let text = challenge.www_authenticate().unwrap();
        assert_eq!(text, r#"Basic realm="x, Bearer scope="a", Negotiate YII="#);
        assert_eq!(
            Challenge::from_headers(&HeaderMap::new()),
            Challenge::default()
        );
    }

    #[test]
    fn text_that_is_no_challenge_is_kept_and_has_no_parameters() {
        for text in [
            "",
            ",,",
            "Bearer",
            "scope=\"a\"",
            "Bearer scope=",
            "Bearer scope=\"a",
            "Bearer scope=\"a\" \"b\"",
            "Bearer scope=a b, =",
            "Bearer scope=https://a/b",
            "\"\\",
        ] {
            let challenge = Challenge::new(text);
            assert_eq!(challenge.www_authenticate(), Some(text));
            assert_eq!(challenge.parameter("scope"), None, "{text}");
            assert_eq!(challenge.scopes().count(), 0);
        }
    }
}
