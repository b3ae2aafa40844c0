//! Authorizations under way.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use url::Url;

use super::response::AuthorizationResponse;
use crate::{
    account::AccountKey,
    encoding::{random, sha256},
    error::OAuthError,
    needed::{AuthorizationNeeded, Needed},
    secret::Secret,
    token::Issued,
};

/// An authorization under way: what its completion needs.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) account: AccountKey,
    pub(crate) from: Issued,
    pub(crate) redirect_uri: Url,
    pub(crate) scopes: Vec<String>,
    /// Whether the tokens are to replace ones that lack a scope.
    pub(crate) is_step_up: bool,
    /// Whether the tokens are to be bound to a key.
    pub(crate) is_bound: bool,
    /// Whether the server promises to name itself in its response.
    pub(crate) promises_issuer: bool,
    pub(crate) state: Secret,
    pub(crate) verifier: Secret,
    pub(crate) until: SystemTime,
}

/// What a new authorization is made of.
pub(crate) struct NewPending {
    pub(crate) account: AccountKey,
    pub(crate) from: Issued,
    pub(crate) redirect_uri: Url,
    pub(crate) scopes: Vec<String>,
    pub(crate) is_step_up: bool,
    pub(crate) is_bound: bool,
    pub(crate) promises_issuer: bool,
}

impl Pending {
    /// A new authorization, with a state and a verifier of its own.
    pub(crate) fn new(new: NewPending) -> Self {
        Self {
            account: new.account,
            from: new.from,
            redirect_uri: new.redirect_uri,
            scopes: new.scopes,
            is_step_up: new.is_step_up,
            is_bound: new.is_bound,
            promises_issuer: new.promises_issuer,
            state: random().into(),
            verifier: random().into(),
            until: SystemTime::now() + LIFETIME,
        }
    }

    /// Where the user goes (RFC 6749 section 4.1.1, RFC 7636, RFC 8707).
    pub(crate) fn needed(&self, authorization_endpoint: &Url) -> AuthorizationNeeded {
        let mut url = authorization_endpoint.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.from.client_id)
                .append_pair("redirect_uri", self.redirect_uri.as_str())
                .append_pair("state", self.state.expose())
                .append_pair("code_challenge", &sha256(self.verifier.expose()))
                .append_pair("code_challenge_method", "S256")
                .append_pair("resource", &self.from.resource);
            if !self.scopes.is_empty() {
                query.append_pair("scope", &self.scopes.join(" "));
            }
            // The server asks for consent to tokens without the user's presence (OpenID Connect
            // Core section 11).
            if self.scopes.iter().any(|scope| scope == "offline_access") {
                query.append_pair("prompt", "consent");
            }
        }
        let needed = Needed {
            url,
            scopes: self.scopes.clone(),
            issuer: self.from.issuer.clone(),
            until: self.until,
        };
        needed.into()
    }

    /// Checks that the response is of the server that the user was sent to (RFC 9207 section 2.4). Issuers
    /// are compared as text.
    pub(crate) fn check_issuer(&self, response: &AuthorizationResponse) -> Result<(), OAuthError> {
        match &response.issuer {
            Some(issuer) if *issuer == self.from.issuer => Ok(()),
            Some(_) => Err(OAuthError::OtherIssuer),
            None if self.promises_issuer => Err(OAuthError::NoIssuer),
            None => Ok(()),
        }
    }

    /// Whether it took too long.
    pub(crate) fn is_over(&self) -> bool {
        self.until <= SystemTime::now()
    }
}

/// The time for a user to authorize.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(promises_issuer: bool) -> Pending {
        Pending::new(NewPending {
            account: AccountKey::default(),
            from: Issued {
                issuer: "https://as.com".to_owned(),
                token_endpoint: "https://as.com/token".parse().unwrap(),
                client_id: "me".to_owned(),
                resource: "https://r.com/mcp".to_owned(),
                takes_post: false,
            },
            redirect_uri: "https://gateway.com/callback".parse().unwrap(),
            scopes: vec!["read".to_owned(), "write".to_owned()],
            is_step_up: false,
            is_bound: false,
            promises_issuer,
        })
    }

    #[test]
    fn the_address_for_the_user_has_the_challenge_and_not_the_verifier() {
        let pending = pending(true);
        let needed = pending.needed(&"https://as.com/authorize?tenant=1".parse().unwrap());
        let query: Vec<_> = needed.url().query_pairs().collect();
        let value = |name: &str| {
            let mut found = query.iter().filter(|(known, _)| known == name);
            found.next().map(|(_, value)| value.to_string())
        };
        assert_eq!(value("tenant").as_deref(), Some("1"));
        assert_eq!(value("scope").as_deref(), Some("read write"));
        assert_eq!(value("resource").as_deref(), Some("https://r.com/mcp"));
        assert_eq!(value("code_challenge_method").as_deref(), Some("S256"));
        let verifier = pending.verifier.expose();
        assert_eq!(value("code_challenge"), Some(sha256(verifier)));
        assert!(!needed.url().as_str().contains(verifier));
        let shown = format!("{needed:?} {needed}");
        assert!(!shown.contains(pending.state.expose()), "{shown}");
    }

    #[test]
    fn a_response_of_another_issuer_is_refused() {
        for (issuer, promised, expected) in [
            ("&iss=https%3A%2F%2Fas.com", true, Ok(())),
            ("&iss=https%3A%2F%2Fas.com", false, Ok(())),
            ("", false, Ok(())),
            ("", true, Err(OAuthError::NoIssuer)),
            (
                "&iss=https%3A%2F%2Fas.com%2F",
                true,
                Err(OAuthError::OtherIssuer),
            ),
            (
                "&iss=https%3A%2F%2FAS.com",
                true,
                Err(OAuthError::OtherIssuer),
            ),
            (
                "&iss=https%3A%2F%2Fevil.com",
                false,
                Err(OAuthError::OtherIssuer),
            ),
        ] {
            let query = format!("state=s&code=c{issuer}");
            let response = AuthorizationResponse::from_query(&query).unwrap();
            assert_eq!(
                pending(promised).check_issuer(&response),
                expected,
                "{issuer}"
            );
        }
    }
}
