//! The key of proofs of possession.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use url::Url;

use crate::{
    encoding::{base64url, random, sha256},
    error::OAuthError,
    secret::Secret,
};

/// A key that tokens are bound to: a stolen token is worth nothing without it (RFC 9449). ECDSA with
/// P-256. `Debug` shows nothing of it.
///
/// Stored refresh tokens of a public client are bound to the key as well. Where the store outlives the
/// process, keep the key with it ([`from_pkcs8`](Self::from_pkcs8)).
#[derive(Clone)]
pub struct DpopKey {
    pair: Arc<EcdsaKeyPair>,
    public: Value,
}

impl DpopKey {
    /// A new key, which ends with the process.
    ///
    /// # Errors
    /// [`OAuthError::Signing`]: the system gives no key.
    pub fn generate() -> Result<Self, OAuthError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Ok(Self::of(pair.map_err(|_| OAuthError::Signing)?))
    }

    /// The key in a PKCS #8 document (DER).
    ///
    /// # Errors
    /// [`OAuthError::Signing`]: it is no key of P-256.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, OAuthError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document);
        Ok(Self::of(pair.map_err(|_| OAuthError::Signing)?))
    }

    fn of(pair: EcdsaKeyPair) -> Self {
        let point = pair.public_key().as_ref();
        // An uncompressed point: one byte, and two coordinates of 32.
        let (x, y) = (&point[1..33], &point[33..65]);
        let (x, y) = (base64url(x), base64url(y));
        Self {
            public: json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }),
            pair: Arc::new(pair),
        }
    }

    /// The proof for one request (section 4.2), with the token that it sends and the last nonce of its
    /// server.
    pub(crate) fn proof(
        &self,
        method: &Method,
        url: &Url,
        token: Option<&Secret>,
        nonce: Option<&HeaderValue>,
    ) -> Result<HeaderValue, OAuthError> {
        let mut target = url.clone();
        target.set_query(None);
        target.set_fragment(None);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut claims = json!({
            "jti": random(),
            "htm": method.as_str(),
            "htu": target.as_str(),
            "iat": now.unwrap_or_default().as_secs(),
        });
        if let Some(token) = token {
            claims["ath"] = sha256(token.expose()).into();
        }
        if let Some(nonce) = nonce.and_then(|nonce| nonce.to_str().ok()) {
            claims["nonce"] = nonce.into();
        }
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.public });
        self.sign(&header, &claims)
    }

    fn sign(&self, header: &Value, claims: &Value) -> Result<HeaderValue, OAuthError> {
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.map_err(|_| OAuthError::Signing)?;
        let proof = format!("{text}.{}", base64url(signature.as_ref()));
        let mut proof = HeaderValue::try_from(proof).map_err(|_| OAuthError::Signing)?;
        proof.set_sensitive(true);
        Ok(proof)
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopKey(..)")
    }
}

/// The header of a proof.
pub(crate) const PROOF: HeaderName = HeaderName::from_static("dpop");

/// The header of a nonce.
pub(crate) const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

    use super::*;

    fn claims(key: &DpopKey, proof: &HeaderValue) -> Value {
        let proof = proof.to_str().unwrap();
        let header = decode_header(proof).unwrap();
        assert_eq!(header.typ.as_deref(), Some("dpop+jwt"));
        let jwk = serde_json::to_value(header.jwk.as_ref().unwrap()).unwrap();
        assert_eq!(jwk["x"], key.public["x"]);
        assert!(jwk.get("d").is_none(), "the private part stays here");
        let public = DecodingKey::from_jwk(&header.jwk.unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        decode::<Value>(proof, &public, &validation).unwrap().claims
    }

    #[test]
    fn a_proof_is_of_one_request_and_its_token() {
        let key = DpopKey::generate().unwrap();
        let url = "https://e.com/mcp?secret=1#part".parse().unwrap();
        let token = Secret::from("token");
        let nonce = HeaderValue::from_static("n-1");
        let proof = |nonce| key.proof(&Method::POST, &url, Some(&token), nonce);
        let first = claims(&key, &proof(Some(&nonce)).unwrap());
        assert_eq!(first["htm"], "POST");
        assert_eq!(first["htu"], "https://e.com/mcp", "without its query");
        assert_eq!(first["ath"], sha256("token"));
        assert_eq!(first["nonce"], "n-1");
        let second = claims(&key, &proof(None).unwrap());
        assert_ne!(first["jti"], second["jti"]);
        assert!(second.get("nonce").is_none());
    }
}
