//! The responses of token endpoints (RFC 6749 section 5).

use serde::Deserialize;

use crate::{
    error::{ErrorCode, OAuthError, Step},
    net::Answer,
    secret::Secret,
};

/// A successful response.
#[derive(Deserialize)]
pub(crate) struct TokenResponse {
    pub(crate) access_token: Secret,
    #[serde(default)]
    token_type: Option<String>,
    /// Seconds. Some servers send a text.
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) refresh_token: Option<Secret>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    pub(crate) issued_token_type: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

impl TokenResponse {
    pub(super) fn of(answer: &Answer, step: Step) -> Result<Self, OAuthError> {
        if answer.status.is_success() {
            let response: Self = answer.document(step)?;
            return match response.access_token.expose().is_empty() {
                true => Err(OAuthError::Unusable {
                    step,
                    what: "the token is empty",
                }),
                false => Ok(response),
            };
        }
        match answer.read::<Failure>() {
            Some(failure) => Err(OAuthError::Refused {
                step,
                code: ErrorCode::new(&failure.error),
            }),
            None => Err(OAuthError::Status {
                step,
                status: answer.status.as_u16(),
            }),
        }
    }

    /// Whether the token is bound to the key of the request (RFC 9449 section 5).
    pub(super) fn is_bound(&self) -> bool {
        let of = |kind: &str| kind.eq_ignore_ascii_case("dpop");
        self.token_type.as_deref().is_some_and(of)
    }

    pub(super) fn expires_in(&self) -> Option<u64> {
        let seconds = self.expires_in.as_ref()?;
        match seconds {
            serde_json::Value::String(text) => text.trim().parse().ok(),
            // A fraction counts as the second before it.
            seconds => seconds
                .as_u64()
                .or_else(|| Some(seconds.as_f64()?.max(0.0) as u64)),
        }
    }

    /// The scopes that were granted; `None` where they are those of the request (section 5.1).
    pub(super) fn scopes(&self) -> Option<Vec<String>> {
        let scopes = self.scope.as_deref()?;
        Some(scopes.split_whitespace().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_token_is_read_as_a_number_or_a_text() {
        for (value, seconds) in [
            (r#","expires_in":3600"#, Some(3600)),
            (r#","expires_in":"3600""#, Some(3600)),
            (r#","expires_in":3600.9"#, Some(3600)),
            (r#","expires_in":-1"#, Some(0)),
            (r#","expires_in":null"#, None),
            (r#","expires_in":"soon""#, None),
            ("", None),
        ] {
            let text = format!(r#"{{"access_token":"t"{value}}}"#);
            let response: TokenResponse = serde_json::from_str(&text).unwrap();
            assert_eq!(response.expires_in(), seconds, "{value}");
        }
    }
}
