//! JWK sets (RFC 7517). The parser skips the keys that it does not know.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::key::VerifyingKey;
use crate::JwtKeyError;

/// What the parser does with shared secrets in a set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SharedSecrets {
    Accept,
    Skip,
}

/// Returns the keys of a set that can verify signatures.
pub(crate) fn parse_set(
    json: &[u8],
    secrets: SharedSecrets,
) -> Result<Vec<VerifyingKey>, JwtKeyError> {
    let set: Set = serde_json::from_slice(json).map_err(|_| JwtKeyError::Malformed {
        expected: "a JWK set",
    })?;
    let keys: Vec<_> = set
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.key(secrets))
        .collect();
    if keys.is_empty() {
        return Err(JwtKeyError::NoUsableKey);
    }
    Ok(keys)
}

#[derive(serde::Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(serde::Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

impl Jwk {
    fn key(self, secrets: SharedSecrets) -> Option<VerifyingKey> {
        if !self.is_for_signatures() {
            return None;
        }
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => VerifyingKey::from_rsa(&bytes(&self.n)?, &bytes(&self.e)?),
            ("EC", Some("P-256")) => VerifyingKey::from_ec_point(&self.point(32)?),
            ("EC", Some("P-384")) => VerifyingKey::from_ec_point(&self.point(48)?),
            ("OKP", Some("Ed25519")) => VerifyingKey::from_ed(&bytes(&self.x)?),
            ("oct", _) if secrets == SharedSecrets::Accept => {
                VerifyingKey::from_secret(&bytes(&self.k)?)
            }
            _ => return None,
        };
        let mut key = key.ok()?;
        if let Some(name) = &self.alg {
            key = key.restricted_to(&[algorithm(name)?])?;
        }
        key.id = self.kid;
        Some(key)
    }

    fn is_for_signatures(&self) -> bool {
        self.purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|operations| operations.iter().any(|name| name == "verify"))
    }

    fn point(&self, coordinate: usize) -> Option<Vec<u8>> {
        let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
        (x.len() == coordinate && y.len() == coordinate).then(|| [&[4], &x[..], &y[..]].concat())
    }
}

/// Returns the signature algorithm of this name. Ed25519 has two names
/// (RFC 9864).
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    }
}

fn bytes(text: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn b64(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn parse(keys: Value) -> Result<Vec<VerifyingKey>, JwtKeyError> {
        let json = json!({ "keys": keys }).to_string();
        parse_set(json.as_bytes(), SharedSecrets::Skip)
    }

    #[test]
    fn keys_that_cannot_verify_are_skipped() {
        let (n, x) = (b64(&[0xff; 256]), b64(&[7; 32]));
        let useless = [
            json!({"kty": "RSA", "n": n, "e": "AQAB", "use": "enc"}),
            json!({"kty": "RSA", "n": n, "e": "AQAB", "key_ops": ["encrypt"]}),
            json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RSA-OAEP"}),
            json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "HS256"}),
            json!({"kty": "RSA", "n": b64(&[0xff; 128]), "e": "AQAB"}),
            json!({"kty": "RSA", "n": n}),
            json!({"kty": "EC", "crv": "P-256", "x": b64(&[7; 31]), "y": x}),
            // Together as long as a point of the other curve.
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": b64(&[7; 64])}),
            json!({"kty": "EC", "crv": "P-384", "x": b64(&[7; 16]), "y": b64(&[7; 48])}),
            json!({"kty": "EC", "crv": "P-521", "x": x, "y": x}),
            json!({"kty": "OKP", "crv": "X25519", "x": x}),
            json!({"kty": "oct", "k": x}),
            json!({"kty": "AKP", "pub": x}),
            json!({"kid": "no type"}),
            json!(17),
        ];
        for key in &useless {
            assert_eq!(
                parse(json!([key])).err(),
                Some(JwtKeyError::NoUsableKey),
                "{key}"
            );
        }
        let mut all = useless.to_vec();
        all.push(json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "good"}));
        let keys = parse(Value::Array(all)).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].id.as_deref(), Some("good"));
    }

    #[test]
    fn the_algorithms_follow_from_the_key() {
        let (n, x, x48) = (b64(&[0xff; 256]), b64(&[7; 32]), b64(&[7; 48]));
        let keys = parse(json!([
            {"kty": "RSA", "n": n, "e": "AQAB"},
            {"kty": "RSA", "n": n, "e": "AQAB", "alg": "PS256"},
            {"kty": "EC", "crv": "P-256", "x": x, "y": x},
            {"kty": "EC", "crv": "P-384", "x": x48, "y": x48},
            {"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "Ed25519"},
        ]))
        .unwrap();
        let supported: Vec<Vec<&str>> = keys
            .iter()
            .map(|key| {
                NAMES
                    .into_iter()
                    .filter(|name| key.supports(algorithm(name).unwrap()))
                    .collect()
            })
            .collect();
        assert_eq!(
            supported,
            [
                &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..],
                &["PS256"],
                &["ES256"],
                &["ES384"],
                &["EdDSA"],
            ]
        );
        assert!(algorithm("none").is_none());
    }

    #[test]
    fn a_secret_supports_only_hashes_no_longer_than_itself() {
        let json = json!({"keys": [{"kty": "oct", "k": b64(&[7; 48])}]}).to_string();
        let keys = parse_set(json.as_bytes(), SharedSecrets::Accept).unwrap();
        let supported: Vec<_> = NAMES
            .into_iter()
            .filter(|name| keys[0].supports(algorithm(name).unwrap()))
            .collect();
        assert_eq!(supported, ["HS256", "HS384"]);
    }

    const NAMES: [&str; 12] = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
        "ES384", "EdDSA",
    ];
}
