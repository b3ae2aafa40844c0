//! Keys that sign.

use std::{fmt, sync::Arc};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use crate::{error::OAuthError, secret::Secret};

/// A private key that signs assertions (RFC 7523). `Debug` shows the algorithm alone.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: SigningAlgorithm,
    id: Option<String>,
    key: Arc<EncodingKey>,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSA with PSS and SHA-256.
    Ps256,
    /// RSA with PKCS #1 and SHA-256.
    Rs256,
}

impl SigningKey {
    /// The key in a PEM text: PKCS #8, or PKCS #1 for RSA.
    ///
    /// # Errors
    /// [`OAuthError::Signing`]: it is no key for the algorithm.
    pub fn from_pem(algorithm: SigningAlgorithm, pem: &[u8]) -> Result<Self, OAuthError> {
        let key = match algorithm {
            SigningAlgorithm::Es256 | SigningAlgorithm::Es384 => EncodingKey::from_ec_pem(pem),
            SigningAlgorithm::EdDsa => EncodingKey::from_ed_pem(pem),
            SigningAlgorithm::Ps256 | SigningAlgorithm::Rs256 => EncodingKey::from_rsa_pem(pem),
        };
        let key = key.map_err(|_| OAuthError::Signing)?;
        Ok(Self {
            algorithm,
            id: None,
            key: Arc::new(key),
        })
    }

    /// The same key with the id (`kid`) that the server knows it by.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<Secret, OAuthError> {
        let mut header = Header::new(self.algorithm.into());
        header.kid.clone_from(&self.id);
        let token = encode(&header, claims, &self.key).map_err(|_| OAuthError::Signing)?;
        Ok(token.into())
    }
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Es256 => Self::ES256,
            SigningAlgorithm::Es384 => Self::ES384,
            SigningAlgorithm::EdDsa => Self::EdDSA,
            SigningAlgorithm::Ps256 => Self::PS256,
            SigningAlgorithm::Rs256 => Self::RS256,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
