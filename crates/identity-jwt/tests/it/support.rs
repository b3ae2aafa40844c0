//! Keys made at test time, and tokens of any content. The code under test does
//! not sign them.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, header};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const AUDIENCE: &str = "gateway";

/// A key pair of an issuer.
pub(crate) struct Rsa(RsaKeyPair);

impl Rsa {
    /// The key of the issuer in most tests. Made once, since it is slow.
    pub(crate) fn first() -> &'static Self {
        static KEY: LazyLock<Rsa> = LazyLock::new(Rsa::generate);
        &KEY
    }

    /// The key of another issuer, or the next key of the same one.
    pub(crate) fn second() -> &'static Self {
        static KEY: LazyLock<Rsa> = LazyLock::new(Rsa::generate);
        &KEY
    }

    fn generate() -> Self {
        Self(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    }

    pub(crate) fn pem(&self) -> String {
        let text = STANDARD.encode(self.der());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }

    pub(crate) fn jwk(&self, id: &str) -> Value {
        let parts = RsaPublicKeyComponents::<Vec<u8>>::from(self.0.public_key());
        json!({
            "kty": "RSA", "use": "sig", "kid": id,
            "n": URL_SAFE_NO_PAD.encode(parts.n), "e": URL_SAFE_NO_PAD.encode(parts.e),
        })
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "typ": "JWT"}), claims)
    }

    pub(crate) fn token_of(&self, id: &str, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "typ": "JWT", "kid": id}), claims)
    }

    /// Signs with the algorithm in `header` (RS256 unless PS256).
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match &header["alg"] {
            Value::String(name) if name == "PS256" => &RSA_PSS_SHA256,
            _ => &RSA_PKCS1_SHA256,
        };
        assemble(header, claims, |message| {
            let mut signature = vec![0; self.0.public_modulus_len()];
            self.0
                .sign(encoding, &SystemRandom::new(), message, &mut signature)
                .unwrap();
            signature
        })
    }
}

/// A P-256 key and a token signed with it.
pub(crate) fn ec(claims: &Value) -> (Value, String) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = key.public_key().as_ref();
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
    });
    let token = assemble(&json!({"alg": "ES256"}), claims, |message| {
        let signature = key.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    });
    (jwk, token)
}

/// An Ed25519 key and a token signed with it.
pub(crate) fn ed(claims: &Value) -> (Value, String) {
    let key = Ed25519KeyPair::generate().unwrap();
    let x = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
    let token = assemble(&json!({"alg": "EdDSA"}), claims, |message| {
        key.sign(message).as_ref().to_vec()
    });
    (json!({"kty": "OKP", "crv": "Ed25519", "x": x}), token)
}

/// A token signed with a shared secret.
pub(crate) fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    assemble(header, claims, |message| {
        hmac::sign(&key, message).as_ref().to_vec()
    })
}

/// A token of any header, claims and signature.
pub(crate) fn assemble(
    header: &Value,
    claims: &Value,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The claims of a valid token of this subject, with `changes`; null removes a
/// claim.
pub(crate) fn claims(subject: &str, changes: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": subject, "aud": AUDIENCE,
        "iat": in_secs(0), "nbf": in_secs(-1), "exp": in_secs(300),
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

pub(crate) fn in_secs(secs: i64) -> i64 {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(now.as_secs()).unwrap() + secs
}

/// A request with this bearer token.
pub(crate) fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::AUTHORIZATION,
        format!("Bearer {token}").parse().unwrap(),
    );
    headers
}
