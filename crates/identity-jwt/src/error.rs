//! The errors of tokens, keys and configurations.

use std::{error::Error, sync::Arc};

use mcp_pool_core::error::{ExtractError, ExtractFault};

/// Why a token gives no identity. Contains no part of the token.
///
/// It is the source of the [`ExtractError`] that the pool gets.
/// [`JwtRefusal::of`] returns it from there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtRefusal {
    /// The key or the configuration does not allow the token's algorithm, or
    /// the token has no signature. The caller's fault, or an attack.
    #[error("algorithm not allowed")]
    AlgorithmNotAllowed,
    /// A claim of the identity or of the checks is absent or empty. The
    /// issuer's fault.
    #[error("claim `{claim}` is missing")]
    ClaimMissing {
        /// The claim's name in the configuration.
        claim: Arc<str>,
    },
    /// A claim has an unusable type: a list or an object instead of one value,
    /// a fraction in an identity, a string instead of a time. The issuer's
    /// fault.
    #[error("claim `{claim}` has an unusable type")]
    ClaimUnusable {
        /// The claim's name in the configuration.
        claim: Arc<str>,
    },
    /// The header requires an extension (`crit`). This crate supports none.
    #[error("critical header extension not supported")]
    CriticalExtension,
    /// The token has expired.
    #[error("token expired")]
    Expired,
    /// The keys could not be fetched. Not the caller's fault.
    #[error("verification keys unavailable")]
    KeysUnavailable,
    /// The header is that of a JWT, but the rest is not: not three parts of
    /// base64url with JSON in them, or a claim that occurs twice.
    #[error("malformed token")]
    Malformed,
    /// The token is not a JWT, and
    /// [`OpaqueTokens::Refuse`](crate::OpaqueTokens::Refuse) is set.
    #[error("bearer token is not a JWT")]
    NotAJwt,
    /// The token's `nbf` is in the future.
    #[error("token not yet valid")]
    NotYetValid,
    /// More than one `Authorization` header: two readers may use different
    /// ones.
    #[error("several authorization headers")]
    SeveralAuthorizations,
    /// The token is longer than the limit. It was not decoded.
    #[error("token longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// No key has the key id of the token.
    #[error("unknown key")]
    UnknownKey,
    /// The token is for another audience.
    #[error("wrong audience")]
    WrongAudience,
    /// The token is from an issuer that is not accepted.
    #[error("wrong issuer")]
    WrongIssuer,
    /// The signature is wrong.
    #[error("wrong signature")]
    WrongSignature,
}

impl JwtRefusal {
    /// The refusal in an extractor's error, if this crate made the error.
    #[must_use]
    pub fn of(error: &ExtractError) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// The fault, in the terms of the pool.
    #[must_use]
    pub fn fault(&self) -> ExtractFault {
        match self {
            Self::KeysUnavailable => ExtractFault::Unavailable,
            _ => ExtractFault::Credential,
        }
    }

    pub(crate) fn missing(claim: &str) -> Self {
        Self::ClaimMissing {
            claim: claim.into(),
        }
    }

    pub(crate) fn unusable(claim: &str) -> Self {
        Self::ClaimUnusable {
            claim: claim.into(),
        }
    }
}

impl From<JwtRefusal> for ExtractError {
    fn from(refusal: JwtRefusal) -> Self {
        let error = match refusal.fault() {
            ExtractFault::Unavailable => Self::unavailable(refusal.to_string()),
            _ => Self::credential(refusal.to_string()),
        };
        error.with_source(refusal)
    }
}

/// A refusal, and whether newer keys may change it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: JwtRefusal,
    /// True if the set had no key of the token's id: a newer set may have one.
    pub(crate) retry_with_newer_keys: bool,
}

impl From<JwtRefusal> for Refused {
    fn from(refusal: JwtRefusal) -> Self {
        Self {
            refusal,
            retry_with_newer_keys: false,
        }
    }
}

/// Why a key cannot be used. The operator's fault. Shows no key material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// Keys behind a URL were combined with other keys.
    #[error("keys behind a url cannot be combined with others")]
    Combined,
    /// Not PEM of one public key, not a SubjectPublicKeyInfo, or not a JWK set.
    #[error("not {expected}")]
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
    /// The set has no key that can verify a signature.
    #[error("no usable key in the set")]
    NoUsableKey,
    /// A private key. A verifier needs the public one.
    #[error("a private key instead of a public one")]
    Private,
    /// The URL is https, and this crate was built without TLS.
    #[error("https needs the feature `rustls`")]
    TlsNotBuilt,
    /// A curve or a type of key that no supported algorithm uses.
    #[error("unsupported type of key")]
    Unsupported,
    /// The URL has a user name or password.
    #[error("credentials in the url of the key set")]
    UrlCredentials,
    /// The text is not a URL with a host.
    #[error("malformed url of the key set")]
    UrlMalformed,
    /// Plain http to a host that is not loopback: an attacker on the network
    /// could replace the keys.
    #[error("the url of a key set must be https, or http on loopback")]
    UrlNotHttps,
    /// The key is too short to be safe, or too long to be cheap.
    #[error("{kind} key of {bits} bits; {bound}")]
    Weak {
        /// The type of the key.
        kind: &'static str,
        /// The size of the key in bits.
        bits: usize,
        /// The required size.
        bound: &'static str,
    },
}

/// Why a [`JwtIdentity`](crate::JwtIdentity) cannot be built. The operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtConfigError {
    /// No audience is set. Tokens for other services would be accepted; call
    /// [`any_audience`](crate::JwtIdentityBuilder::any_audience) to allow that.
    #[error("no audience is set")]
    AudienceUnset,
    /// A setting is out of its bounds.
    #[error("`{field}` must be {bound}")]
    Bound {
        /// The setting.
        field: &'static str,
        /// Its bound.
        bound: &'static str,
    },
    /// A claim has an empty name.
    #[error("a claim without a name")]
    ClaimUnnamed,
    /// A claim differs in every token of a caller. The identity would change
    /// with each rotation, and no session would be reused.
    #[error("claim `{claim}` changes with every token and cannot be part of an identity")]
    ClaimVolatile {
        /// The claim.
        claim: Arc<str>,
    },
    /// The HTTP client that fetches keys could not be built.
    #[error("the http client for key sets could not be built")]
    HttpClient,
    /// No issuer is set. Call
    /// [`any_issuer`](crate::JwtIdentityBuilder::any_issuer) to accept all.
    #[error("no issuer is set")]
    IssuerUnset,
    /// No key supports an algorithm that the configuration allows.
    #[error("no key supports an allowed algorithm")]
    NoAlgorithm,
    /// Every claim but the issuer is optional: all callers without them would
    /// have one identity.
    #[error("an identity needs a required claim besides the issuer")]
    NoRequiredClaim,
}
