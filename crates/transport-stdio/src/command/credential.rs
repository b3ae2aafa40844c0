//! Credentials of a caller as variables of a child.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use mcp_pool_core::{error::CredentialError, extend::upstream_headers};

/// A header of a caller that becomes a variable of the child.
#[derive(Clone, Debug)]
pub(super) struct CredentialVariable {
    pub(super) header: HeaderName,
    pub(super) variable: String,
    /// True where the variable gets the token of a `Bearer` header alone.
    pub(super) is_bearer: bool,
}

/// What a child gets of its caller: variables and their values.
///
/// Two of one command are equal when a child with one serves a caller with the other.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credential(Vec<(String, String)>);

impl Credential {
    /// The credential in the headers of a caller.
    ///
    /// # Errors
    /// A header is missing and none is optional, comes more than once, is no text, or is no bearer
    /// token where one is needed.
    pub(super) fn of(
        wanted: &[CredentialVariable],
        are_optional: bool,
        headers: &HeaderMap,
    ) -> Result<Self, CredentialError> {
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let headers = upstream_headers(headers);
        let mut values = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            match wanted.value(&headers)? {
                Some(value) => values.push((wanted.variable.clone(), value)),
                None if are_optional => {}
                None => return Err(wanted.error("has no header")),
            }
        }
        Ok(Self(values))
    }

    /// The variables and their values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

impl CredentialVariable {
    fn value(&self, headers: &HeaderMap) -> Result<Option<String>, CredentialError> {
        let mut values = headers.get_all(&self.header).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(self.error("has more than one header"));
        }
        let text = HeaderValue::to_str(value).map_err(|_| self.error("has no text in header"))?;
        match self.is_bearer {
            false => Ok(Some(text.to_owned())),
            true => match bearer_token(text) {
                Some(token) => Ok(Some(token.to_owned())),
                None => Err(self.error("has no bearer token in header")),
            },
        }
    }

    fn error(&self, what: &str) -> CredentialError {
        CredentialError::new(format!("the caller {what} `{}`", self.header))
    }
}

/// The token of a bearer header (RFC 6750, section 2.1; RFC 9110, section 11.1: in any case).
pub(crate) fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A bearer token as a variable.
pub(super) fn bearer(variable: String) -> CredentialVariable {
    CredentialVariable {
        header: header::AUTHORIZATION,
        variable,
        is_bearer: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn whole(header: &'static str) -> CredentialVariable {
        CredentialVariable {
            header: HeaderName::from_static(header),
            variable: "KEY".to_owned(),
            is_bearer: false,
        }
    }

    fn of(wanted: CredentialVariable, values: &[(&str, &str)]) -> Option<String> {
        let credential = Credential::of(&[wanted], false, &headers(values)).ok()?;
        credential.0.first().map(|(_, value)| value.clone())
    }

    #[test]
    fn a_credential_is_a_whole_header_or_its_bearer_token() {
        let value = ("authorization", "Bearer abc");
        assert_eq!(of(whole("authorization"), &[value]).unwrap(), "Bearer abc");
        for value in ["Bearer abc", "bearer  abc", "BEARER abc"] {
            let value = ("authorization", value);
            assert_eq!(of(bearer("T".to_owned()), &[value]).unwrap(), "abc");
        }
    }

    #[test]
    fn a_credential_that_is_missing_repeated_or_of_another_form_is_an_error() {
        for values in [
            &[][..],
            &[("authorization", "Basic abc")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer")],
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
        ] {
            assert_eq!(of(bearer("T".to_owned()), values), None, "{values:?}");
        }
        let umlaut = HeaderValue::from_bytes(b"\xfc").unwrap();
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-key"), umlaut)]);
        assert!(Credential::of(&[whole("x-key")], false, &headers).is_err());
    }

    #[test]
    fn a_missing_credential_may_be_optional_and_a_malformed_one_never_is() {
        let wanted = [bearer("T".to_owned())];
        let none = Credential::of(&wanted, true, &HeaderMap::new()).unwrap();
        assert_eq!(none, Credential::default());
        let other = headers(&[("authorization", "Basic abc")]);
        assert!(Credential::of(&wanted, true, &other).is_err());
    }

    #[test]
    fn a_header_that_no_caller_may_set_is_no_credential() {
        let value = ("mcp-session-id", "x");
        assert_eq!(of(whole("mcp-session-id"), &[value]), None);
    }

    #[test]
    fn no_error_shows_a_value() {
        let headers = headers(&[("authorization", "Basic sekret")]);
        let error = Credential::of(&[bearer("T".to_owned())], true, &headers).unwrap_err();
        assert!(!error.to_string().contains("sekret"), "{error}");
    }
}
