//! Tokens as they are kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use url::Url;

use super::response::TokenResponse;
use crate::secret::Secret;

/// The tokens of a principal for a resource, as they are stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access: Secret,
    pub(crate) refresh: Option<Secret>,
    /// Whether they are bound to a key.
    pub(crate) is_bound: bool,
    /// In seconds since 1970.
    pub(crate) issued_at: u64,
    /// In seconds since 1970; `None` where the server does not say.
    pub(crate) expires_at: Option<u64>,
    /// The scopes that were requested and granted.
    pub(crate) scopes: Vec<String>,
    pub(crate) from: Issued,
}

/// Where tokens are from, and so where they are refreshed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issued {
    pub(crate) issuer: String,
    pub(crate) token_endpoint: Url,
    pub(crate) client_id: String,
    pub(crate) resource: String,
    /// Whether the token endpoint takes a secret in the body alone.
    pub(crate) takes_post: bool,
}

impl Tokens {
    /// The tokens of a response to a request for these scopes.
    pub(crate) fn of(
        response: TokenResponse,
        from: Issued,
        requested: &[String],
        now: SystemTime,
    ) -> Self {
        let issued_at = seconds(now);
        let mut scopes = requested.to_vec();
        for scope in response.scopes().unwrap_or_default() {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Self {
            is_bound: response.is_bound(),
            issued_at,
            expires_at: response
                .expires_in()
                .map(|life| issued_at.saturating_add(life)),
            scopes,
            from,
            refresh: response.refresh_token,
            access: response.access_token,
        }
    }

    /// The tokens of a refresh. A server that gives no new refresh token leaves the old one valid (RFC
    /// 6749 section 6).
    pub(crate) fn refreshed(&self, response: TokenResponse, now: SystemTime) -> Self {
        let mut tokens = Self::of(response, self.from.clone(), &self.scopes, now);
        tokens.refresh = tokens.refresh.or_else(|| self.refresh.clone());
        tokens
    }

    /// The time to the end of the access token; `None` where it is not known.
    pub(crate) fn remaining(&self, now: SystemTime) -> Option<Duration> {
        let left = self.expires_at?.saturating_sub(seconds(now));
        Some(Duration::from_secs(left))
    }

    /// When they are worth nothing: with a refresh token never.
    pub(crate) fn worthless_at(&self) -> Option<SystemTime> {
        let ends_at = self.expires_at.filter(|_| self.refresh.is_none())?;
        UNIX_EPOCH.checked_add(Duration::from_secs(ends_at))
    }

    /// How long before its end the access token is renewed: a fifth of its life, a minute at most.
    pub(crate) fn lead(&self) -> Duration {
        let life = self.expires_at.unwrap_or_default();
        let life = life.saturating_sub(self.issued_at);
        Duration::from_secs(life / 5).min(LONGEST_LEAD)
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

const LONGEST_LEAD: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn response(text: &str) -> TokenResponse {
        serde_json::from_str(text).unwrap()
    }

    fn issued() -> Issued {
        Issued {
            issuer: "https://e.com".to_owned(),
            token_endpoint: "https://e.com/token".parse().unwrap(),
            client_id: "c".to_owned(),
            resource: "https://r.com".to_owned(),
            takes_post: false,
        }
    }

    #[test]
    fn a_refresh_keeps_what_the_server_does_not_replace() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let first = r#"{"access_token":"a","refresh_token":"r","expires_in":100,"scope":"x"}"#;
        let requested = ["x".to_owned(), "y".to_owned()];
        let tokens = Tokens::of(response(first), issued(), &requested, at(1000));
        assert_eq!(tokens.scopes, requested);
        assert_eq!(tokens.remaining(at(1040)), Some(Duration::from_secs(60)));
        assert_eq!(tokens.remaining(at(9999)), Some(Duration::ZERO));
        assert_eq!(tokens.lead(), Duration::from_secs(20));
        let kept = tokens.refreshed(response(r#"{"access_token":"b"}"#), at(1100));
        assert_eq!(kept.refresh, Some("r".into()));
        assert_eq!(kept.remaining(at(0)), None);
        assert_eq!(kept.access, "b".into());
        let rotated = r#"{"access_token":"b","refresh_token":"s"}"#;
        let rotated = tokens.refreshed(response(rotated), at(1100));
        assert_eq!(rotated.refresh, Some("s".into()));
    }
}
