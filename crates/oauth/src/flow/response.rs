//! What an authorization server sends back with the browser.

use std::fmt;

use url::Url;

use crate::{
    error::{ErrorCode, OAuthError, Step},
    secret::Secret,
};

/// What an authorization server sends back with the user's browser (RFC 6749 section 4.1.2, RFC 9207).
/// `Debug` shows nothing of it.
pub struct AuthorizationResponse {
    pub(crate) state: Secret,
    pub(crate) issuer: Option<String>,
    pub(crate) code: Result<Secret, ErrorCode>,
}

impl AuthorizationResponse {
    /// Reads the address that the browser came back to, or its query alone.
    ///
    /// ```
    /// use mcp_pool_oauth::AuthorizationResponse;
    /// let query = "code=abc&state=xyz&iss=https%3A%2F%2Flogin.example.com";
    /// assert!(AuthorizationResponse::from_query(query).is_ok());
    /// assert!(AuthorizationResponse::from_query("code=abc").is_err(), "without a state");
    /// ```
    ///
    /// # Errors
    /// [`OAuthError::Unusable`]: it has no state, or neither a code nor an error, or one of them twice.
    pub fn from_query(query: &str) -> Result<Self, OAuthError> {
        let mut found = [None, None, None, None];
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let Some(place) = NAMES.iter().position(|known| *known == name) else {
                continue;
            };
            if found[place].replace(value.into_owned()).is_some() {
                return Err(unusable("a parameter is there twice"));
            }
        }
        let [state, code, error, issuer] = found;
        let state = state.ok_or_else(|| unusable("it has no state"))?;
        let code = match (code, error) {
            (_, Some(error)) => Err(ErrorCode::new(&error)),
            (Some(code), None) => Ok(code.into()),
            (None, None) => return Err(unusable("it has no code")),
        };
        Ok(Self {
            state: state.into(),
            issuer,
            code,
        })
    }

    /// Reads the address that the browser came back to.
    ///
    /// # Errors
    /// As [`from_query`](Self::from_query).
    pub fn from_url(url: &Url) -> Result<Self, OAuthError> {
        Self::from_query(url.query().unwrap_or_default())
    }
}

impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationResponse(..)")
    }
}

fn unusable(what: &'static str) -> OAuthError {
    OAuthError::Unusable {
        step: Step::Authorization,
        what,
    }
}

const NAMES: [&str; 4] = ["state", "code", "error", "iss"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_read_whole_or_refused() {
        let read = |query| AuthorizationResponse::from_query(query);
        let good = read("state=s&code=c%2B1&iss=https%3A%2F%2Fe.com&other=1").unwrap();
        assert_eq!(good.code, Ok("c+1".into()));
        assert_eq!(good.issuer.as_deref(), Some("https://e.com"));
        let denied = read("state=s&error=access_denied&error_description=pl4nted").unwrap();
        assert_eq!(denied.code, Err(ErrorCode::new("access_denied")));
        for bad in [
            "",
            "code=c",
            "state=s",
            "state=s&state=t&code=c",
            "state=s&code=a&code=b",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{good:?}"), "AuthorizationResponse(..)");
    }
}
