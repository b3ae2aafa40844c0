//! The keys that the application gives to an extractor.

use std::fmt;

use url::Url;

use super::{
    fetch,
    jwk::{self, SharedSecrets},
    key::VerifyingKey,
};
use crate::JwtKeyError;

/// The keys that verify tokens: given directly, or fetched from a URL.
///
/// A key accepts the algorithms of its own type only, whatever the header of a
/// token names: an RSA key RS256 to PS512, a P-256 key ES256, a P-384 key
/// ES384, an Ed25519 key EdDSA, a secret those HS algorithms that have a
/// hash no longer than the secret.
///
/// ```
/// use mcp_pool_identity_jwt::JwtKeys;
/// # fn main() -> Result<(), mcp_pool_identity_jwt::JwtKeyError> {
/// let fetched = JwtKeys::url("https://issuer.example/.well-known/jwks.json")?;
/// let shared = JwtKeys::secret("a secret of at least thirty-two bytes")?.with_id("2026");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct JwtKeys(pub(crate) KeySource);

/// Where the keys come from.
#[derive(Clone)]
pub(crate) enum KeySource {
    Given(Vec<VerifyingKey>),
    Url(Url),
}

impl JwtKeys {
    /// One public key in PEM: `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// `PUBLIC KEY` may hold RSA, EC or Ed25519.
    ///
    /// # Errors
    /// - [`JwtKeyError::Malformed`]: not PEM of one public key.
    /// - [`JwtKeyError::Private`]: a private key.
    /// - [`JwtKeyError::Unsupported`]: another type of key.
    /// - [`JwtKeyError::Weak`]: RSA below 2048 or above 8192 bits.
    pub fn pem(pem: impl AsRef<[u8]>) -> Result<Self, JwtKeyError> {
        VerifyingKey::from_pem(pem.as_ref()).map(Self::one)
    }

    /// One public key as DER of a SubjectPublicKeyInfo.
    ///
    /// It is what PEM of the type `PUBLIC KEY` holds.
    ///
    /// # Errors
    /// As [`pem`](Self::pem).
    pub fn der(der: impl AsRef<[u8]>) -> Result<Self, JwtKeyError> {
        VerifyingKey::from_der(der.as_ref()).map(Self::one)
    }

    /// A secret shared with the issuer. Its holder can sign for any caller.
    ///
    /// # Errors
    /// [`JwtKeyError::Weak`]: shorter than 32 bytes.
    pub fn secret(secret: impl AsRef<[u8]>) -> Result<Self, JwtKeyError> {
        VerifyingKey::from_secret(secret.as_ref()).map(Self::one)
    }

    /// The usable keys of a JWK set (JSON).
    ///
    /// Keys for encryption and of unknown types are skipped.
    ///
    /// # Errors
    /// - [`JwtKeyError::Malformed`]: not a JWK set.
    /// - [`JwtKeyError::NoUsableKey`]: no key in it can verify.
    pub fn jwks(json: impl AsRef<[u8]>) -> Result<Self, JwtKeyError> {
        let keys = jwk::parse_set(json.as_ref(), SharedSecrets::Accept)?;
        Ok(Self(KeySource::Given(keys)))
    }

    /// The JWK set behind a URL, fetched on first use and refreshed.
    ///
    /// [`JwksSettings`](crate::JwksSettings) controls the fetches. Shared
    /// secrets in the set are skipped, since a published secret is no secret.
    ///
    /// # Errors
    /// - [`JwtKeyError::UrlMalformed`]: no URL, or one without a host.
    /// - [`JwtKeyError::UrlNotHttps`]: http to a host that is not loopback, or another scheme.
    /// - [`JwtKeyError::UrlCredentials`]: a user name or password in it.
    /// - [`JwtKeyError::TlsNotBuilt`]: https without the feature `rustls`.
    pub fn url(url: impl AsRef<str>) -> Result<Self, JwtKeyError> {
        fetch::key_set_url(url.as_ref()).map(|url| Self(KeySource::Url(url)))
    }

    /// Gives these keys an id.
    ///
    /// A token that names an id is verified with the keys of that id, or, if
    /// there are none, with the keys without an id. No effect on keys behind a
    /// URL, which have their own ids.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        if let KeySource::Given(keys) = &mut self.0 {
            let id = id.into();
            for key in keys {
                key.id = Some(id.clone());
            }
        }
        self
    }

    /// All of these keys together.
    ///
    /// # Errors
    /// - [`JwtKeyError::Combined`]: one of them is a URL.
    /// - [`JwtKeyError::NoUsableKey`]: there are none.
    pub fn any_of(parts: impl IntoIterator<Item = Self>) -> Result<Self, JwtKeyError> {
        let mut all = Vec::new();
        for part in parts {
            match part.0 {
                KeySource::Given(keys) => all.extend(keys),
                KeySource::Url(_) => return Err(JwtKeyError::Combined),
            }
        }
        if all.is_empty() {
            return Err(JwtKeyError::NoUsableKey);
        }
        Ok(Self(KeySource::Given(all)))
    }

    fn one(key: VerifyingKey) -> Self {
        Self(KeySource::Given(vec![key]))
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            KeySource::Given(keys) => write!(f, "JwtKeys({} given)", keys.len()),
            KeySource::Url(url) => write!(f, "JwtKeys({})", url.origin().ascii_serialization()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_is_fetched_over_https_or_from_loopback_only() {
        for url in [
            "http://127.0.0.1:1/jwks",
            "http://127.9.9.9/jwks",
            "http://[::1]/jwks",
            "http://localhost:8080/jwks",
        ] {
            assert!(JwtKeys::url(url).is_ok(), "{url}");
        }
        for (url, error) in [
            ("http://issuer.example/jwks", JwtKeyError::UrlNotHttps),
            ("http://127.0.0.1.example/jwks", JwtKeyError::UrlNotHttps),
            ("http://10.0.0.1/jwks", JwtKeyError::UrlNotHttps),
            ("ftp://127.0.0.1/jwks", JwtKeyError::UrlNotHttps),
            ("file:///etc/jwks", JwtKeyError::UrlMalformed),
            ("jwks", JwtKeyError::UrlMalformed),
            ("https://me:pw@issuer.example/", JwtKeyError::UrlCredentials),
            ("https://me@issuer.example/", JwtKeyError::UrlCredentials),
            ("https://:pw@issuer.example/", JwtKeyError::UrlCredentials),
        ] {
            assert_eq!(JwtKeys::url(url).err(), Some(error), "{url}");
        }
        let https = JwtKeys::url("https://issuer.example/jwks");
        let tls = cfg!(feature = "rustls");
        assert_eq!(https.err(), (!tls).then_some(JwtKeyError::TlsNotBuilt));
    }

    #[test]
    fn a_url_cannot_be_mixed_with_other_keys() {
        let url = JwtKeys::url("http://127.0.0.1/").unwrap();
        assert_eq!(JwtKeys::any_of([url]).err(), Some(JwtKeyError::Combined));
        assert_eq!(JwtKeys::any_of([]).err(), Some(JwtKeyError::NoUsableKey));
    }

    #[test]
    fn debug_shows_no_key_and_no_query() {
        let secret = JwtKeys::secret([b's'; 32]).unwrap();
        let url = JwtKeys::url("http://127.0.0.1:9/path?token=hidden").unwrap();
        assert_eq!(format!("{secret:?}"), "JwtKeys(1 given)");
        assert_eq!(format!("{url:?}"), "JwtKeys(http://127.0.0.1:9)");
    }
}
