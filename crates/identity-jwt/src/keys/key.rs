//! One key and the algorithms that it supports.

use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, crypto::aws_lc::DEFAULT_PROVIDER,
};

use crate::JwtKeyError;

/// A key that verifies signatures.
///
/// The key decides which algorithms it supports, never a token.
#[derive(Clone)]
pub(crate) struct VerifyingKey {
    pub(crate) id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl VerifyingKey {
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, JwtKeyError> {
        let text = std::str::from_utf8(pem).map_err(|_| NOT_PEM)?;
        if text.contains("PRIVATE KEY-----") {
            return Err(JwtKeyError::Private);
        }
        let public = PUBLIC_TAGS.iter().any(|tag| text.contains(tag));
        if !public || text.matches("-----BEGIN ").count() != 1 {
            return Err(NOT_PEM);
        }
        if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            let der = key.try_get_as_bytes().map_err(|_| NOT_PEM)?;
            let (n, e) = (DEFAULT_PROVIDER
                .key_utils
                .rsa_pub_components_from_public_key)(der)
            .map_err(|_| NOT_PEM)?;
            return Self::from_rsa(&n, &e);
        }
        if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            return Self::from_ec_point(key.try_get_as_bytes().map_err(|_| NOT_PEM)?);
        }
        match DecodingKey::from_ed_pem(pem) {
            Ok(key) => Self::from_ed(key.try_get_as_bytes().map_err(|_| NOT_PEM)?),
            Err(_) => Err(JwtKeyError::Unsupported),
        }
    }

    pub(crate) fn from_der(der: &[u8]) -> Result<Self, JwtKeyError> {
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        );
        Self::from_pem(pem.as_bytes()).map_err(|error| match error {
            JwtKeyError::Malformed { .. } => NOT_DER,
            error => error,
        })
    }

    pub(crate) fn from_secret(secret: &[u8]) -> Result<Self, JwtKeyError> {
        let algorithms: Vec<_> = [
            (32, Algorithm::HS256),
            (48, Algorithm::HS384),
            (64, Algorithm::HS512),
        ]
        .into_iter()
        .filter(|(min_bytes, _)| secret.len() >= *min_bytes)
        .map(|(_, algorithm)| algorithm)
        .collect();
        if algorithms.is_empty() {
            return Err(JwtKeyError::Weak {
                kind: "shared",
                bits: secret.len() * 8,
                bound: "at least 256 bits are needed",
            });
        }
        Ok(Self::new(algorithms, DecodingKey::from_secret(secret)))
    }

    pub(crate) fn from_rsa(n: &[u8], e: &[u8]) -> Result<Self, JwtKeyError> {
        let n = &n[n.iter().take_while(|byte| **byte == 0).count()..];
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(JwtKeyError::Weak {
                kind: "rsa",
                bits,
                bound: "2048 to 8192 bits are needed",
            });
        }
        Ok(Self::new(
            AlgorithmFamily::Rsa.algorithms().to_vec(),
            DecodingKey::from_rsa_raw_components(n, e),
        ))
    }

    /// An uncompressed point of P-256 or P-384. The curve follows from the
    /// length.
    pub(crate) fn from_ec_point(point: &[u8]) -> Result<Self, JwtKeyError> {
        let algorithm = match (point.first(), point.len()) {
            (Some(4), 65) => Algorithm::ES256,
            (Some(4), 97) => Algorithm::ES384,
            _ => return Err(JwtKeyError::Unsupported),
        };
        Ok(Self::new(vec![algorithm], DecodingKey::from_ec_der(point)))
    }

    pub(crate) fn from_ed(public: &[u8]) -> Result<Self, JwtKeyError> {
        if public.len() != 32 {
            return Err(JwtKeyError::Unsupported);
        }
        Ok(Self::new(
            vec![Algorithm::EdDSA],
            DecodingKey::from_ed_der(public),
        ))
    }

    /// Keeps the algorithms that are in `allowed`; `None` if there are none.
    pub(crate) fn restricted_to(mut self, allowed: &[Algorithm]) -> Option<Self> {
        self.algorithms.retain(|own| allowed.contains(own));
        (!self.algorithms.is_empty()).then_some(self)
    }

    pub(crate) fn supports(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// True if this key made `signature` over `message`.
    ///
    /// It names the cryptography provider, since another crate of the program
    /// may have changed the process-wide default of jsonwebtoken.
    pub(crate) fn verifies(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> bool {
        self.supports(algorithm)
            && (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &self.key)
                .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }

    fn new(algorithms: Vec<Algorithm>, key: DecodingKey) -> Self {
        Self {
            id: None,
            algorithms,
            key,
        }
    }
}

/// Compares id, algorithms and key material.
impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        let material = match (self.key.kind(), other.key.kind()) {
            (DecodingKeyKind::SecretOrDer(one), DecodingKeyKind::SecretOrDer(other)) => {
                one == other
            }
            (
                DecodingKeyKind::RsaModulusExponent { n, e },
                DecodingKeyKind::RsaModulusExponent { n: n2, e: e2 },
            ) => n == n2 && e == e2,
            _ => false,
        };
        material && self.id == other.id && self.algorithms == other.algorithms
    }
}

const PUBLIC_TAGS: [&str; 2] = [
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN RSA PUBLIC KEY-----",
];

const NOT_PEM: JwtKeyError = JwtKeyError::Malformed {
    expected: "PEM of one public key",
};
const NOT_DER: JwtKeyError = JwtKeyError::Malformed {
    expected: "DER of a SubjectPublicKeyInfo",
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of which each differs from every other in one property.
    fn different_keys() -> Vec<(&'static str, VerifyingKey)> {
        let secret = |byte| VerifyingKey::from_secret(&[byte; 32]).unwrap();
        let rsa = |n, e| VerifyingKey::from_rsa(&[n; 256], &[e]).unwrap();
        let mut with_id = secret(1);
        with_id.id = Some("id".to_owned());
        vec![
            ("secret", secret(1)),
            ("other secret", secret(2)),
            ("secret with an id", with_id),
            ("ed25519", VerifyingKey::from_ed(&[1; 32]).unwrap()),
            ("rsa", rsa(0xff, 3)),
            ("rsa with another exponent", rsa(0xff, 17)),
            ("rsa with another modulus", rsa(0xfd, 3)),
            (
                "rsa for one algorithm",
                rsa(0xff, 3).restricted_to(&[Algorithm::PS256]).unwrap(),
            ),
        ]
    }

    #[test]
    fn keys_are_equal_if_id_algorithms_and_material_are() {
        for (index, (name, key)) in different_keys().iter().enumerate() {
            for (other_index, (other_name, other)) in different_keys().iter().enumerate() {
                let equal = index == other_index;
                assert!((key == other) == equal, "{name}, {other_name}");
            }
        }
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bits_without_leading_zeros() {
        let modulus = |start: &[u8], bytes: usize| [start, &vec![0xff; bytes][..]].concat();
        for (n, bits) in [
            (modulus(&[], 0), Err(0)),
            (modulus(&[0, 0], 0), Err(0)),
            (modulus(&[0x7f], 255), Err(2047)),
            (modulus(&[0, 0, 0x7f], 255), Err(2047)),
            (modulus(&[0x80], 255), Ok(())),
            (modulus(&[0], 256), Ok(())),
            (modulus(&[0x01], 256), Ok(())),
            (modulus(&[], 1024), Ok(())),
            (modulus(&[0x01], 1024), Err(8193)),
        ] {
            let weak = bits.map_err(|bits| JwtKeyError::Weak {
                kind: "rsa",
                bits,
                bound: "2048 to 8192 bits are needed",
            });
            let made = VerifyingKey::from_rsa(&n, &[1, 0, 1]).map(|_| ());
            assert_eq!(made, weak, "{} bytes", n.len());
        }
    }
}
