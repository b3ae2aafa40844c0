//! The authentication of a client in a form.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use serde::Serialize;
use url::form_urlencoded::byte_serialize;

use super::{authentication::ClientAuthentication, key::SigningKey, registered::RegisteredClient};
use crate::{encoding::random, error::OAuthError, secret::Secret};

/// The claims of an assertion (RFC 7523 section 3).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

/// A form with the client and its authentication.
pub(crate) struct Authenticated {
    pub(crate) form: Vec<(&'static str, String)>,
    /// The header, where the client authenticates in it.
    pub(crate) header: Option<HeaderValue>,
}

impl RegisteredClient {
    /// Adds the client and its authentication to a form. `audience` is the issuer of the server.
    pub(crate) fn authenticate(
        &self,
        mut form: Vec<(&'static str, String)>,
        audience: &str,
    ) -> Result<Authenticated, OAuthError> {
        match &self.authentication {
            ClientAuthentication::Secret(secret) | ClientAuthentication::SecretBasic(secret) => {
                let header = Some(self.basic(secret)?);
                return Ok(Authenticated { form, header });
            }
            ClientAuthentication::SecretPost(secret) => {
                form.push(("client_secret", secret.expose().to_owned()));
            }
            ClientAuthentication::PrivateKeyJwt(key) => {
                form.push(("client_assertion_type", ASSERTION.to_owned()));
                let assertion = self.assertion(key, audience)?;
                form.push(("client_assertion", assertion.expose().to_owned()));
            }
            ClientAuthentication::None => {}
        }
        form.push(("client_id", self.id.clone()));
        let header = None;
        Ok(Authenticated { form, header })
    }

    /// The header of `client_secret_basic` (RFC 6749 section 2.3.1).
    fn basic(&self, secret: &Secret) -> Result<HeaderValue, OAuthError> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&self.id), encoded(secret.expose()));
        let header = format!("Basic {}", STANDARD.encode(pair));
        let mut header = HeaderValue::try_from(header).map_err(|_| OAuthError::Signing)?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn assertion(&self, key: &SigningKey, audience: &str) -> Result<Secret, OAuthError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        key.sign(&Claims {
            iss: &self.id,
            sub: &self.id,
            aud: audience,
            jti: random(),
            iat: now,
            exp: now + LIFETIME,
        })
    }
}

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Seconds; an assertion is used at once.
const LIFETIME: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_sent_in_one_place() {
        let client = RegisteredClient::new("a:b").with_secret("c d");
        let header = client.authenticate(Vec::new(), "https://e.com").unwrap();
        let basic = header.header.expect("a header");
        assert_eq!(basic.to_str().unwrap(), "Basic YSUzQWI6Yytk");
        assert!(header.form.is_empty() && basic.is_sensitive());
        let post = ClientAuthentication::SecretPost("c d".into());
        let body = client.with_authentication(post);
        let body = body.authenticate(Vec::new(), "https://e.com").unwrap();
        assert!(body.header.is_none());
        let expected = [("client_secret", "c d"), ("client_id", "a:b")];
        assert!(body.form.iter().map(|(k, v)| (*k, v.as_str())).eq(expected));
    }
}
