//! What can be wrong with a token, with a key and with a configuration.

use std::{error::Error, sync::Arc};

use mcp_pool_core::error::{ExtractError, ExtractFault};

/// Why a token gives no identity. Holds no part of the token.
///
/// It travels as the source of the [`ExtractError`] that the pool sees;
/// [`JwtRefusal::of`] finds it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtRefusal {
    /// The key that the token names does not take its algorithm, or the configuration does not, or
    /// the token is not signed at all. The caller's fault, or an attack.
    #[error("algorithm not allowed")]
    AlgorithmNotAllowed,
    /// A claim that the identity or the checks need is absent or empty. The issuer's fault.
    #[error("claim `{claim}` is missing")]
    ClaimMissing {
        /// The claim, as the configuration names it.
        claim: Arc<str>,
    },
    /// A claim is there but of a kind that cannot be used: a list or an object where one value is
    /// needed, a fraction in an identity, text where a time is needed. The issuer's fault.
    #[error("claim `{claim}` is of an unusable kind")]
    ClaimUnusable {
        /// The claim, as the configuration names it.
        claim: Arc<str>,
    },
    /// The header asks for an extension (`crit`), and none is understood.
    #[error("critical header extension not understood")]
    CriticalExtension,
    /// The token's time is over.
    #[error("token expired")]
    Expired,
    /// The keys could not be fetched. Nobody's fault who sent a token.
    #[error("verification keys unavailable")]
    KeysUnavailable,
    /// A JWT by its header, but not three parts of base64url with JSON in them, or a claim occurs
    /// twice.
    #[error("malformed token")]
    Malformed,
    /// Not a JWT at all, under [`OpaqueTokens::Refuse`](crate::OpaqueTokens::Refuse).
    #[error("bearer token is not a JWT")]
    NotAJwt,
    /// The token's time has not come yet.
    #[error("token not yet valid")]
    NotYetValid,
    /// More than one `Authorization` header: two readers may pick different ones.
    #[error("several authorization headers")]
    SeveralAuthorizations,
    /// Longer than the limit; nothing of it was decoded.
    #[error("token longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// No key has the id that the token names.
    #[error("unknown key")]
    UnknownKey,
    /// Meant for somebody else.
    #[error("wrong audience")]
    WrongAudience,
    /// Issued by somebody who is not accepted.
    #[error("wrong issuer")]
    WrongIssuer,
    /// The signature does not hold.
    #[error("wrong signature")]
    WrongSignature,
}

impl JwtRefusal {
    /// The refusal behind an extractor's error, if it was one of this crate.
    #[must_use]
    pub fn of(error: &ExtractError) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// Whose fault it is, in the pool's words.
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

/// A refusal, and whether it may be otherwise under newer keys.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: JwtRefusal,
    /// No key of the token's own id was there to say no: a newer set may have one.
    pub(crate) newer_may_help: bool,
}

impl From<JwtRefusal> for Refused {
    fn from(refusal: JwtRefusal) -> Self {
        Self {
            refusal,
            newer_may_help: false,
        }
    }
}

/// Why a key cannot be used. The operator's fault; no key material is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// Keys behind a URL cannot be mixed with keys given here.
    #[error("keys behind a url cannot be combined with others")]
    Combined,
    /// Neither PEM of one public key, nor a SubjectPublicKeyInfo, nor a JWK set, as the case may be.
    #[error("not {expected}")]
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
    /// The set holds no key that can verify a signature.
    #[error("no usable key in the set")]
    NoUsableKey,
    /// A private key: it has no place in a verifier.
    #[error("a private key where a public one belongs")]
    Private,
    /// This crate was built without TLS, and the URL is https.
    #[error("https needs the feature `rustls`")]
    TlsNotBuilt,
    /// A curve or a kind of key that no supported algorithm uses.
    #[error("unsupported kind of key")]
    Unsupported,
    /// A user name or password in the URL.
    #[error("credentials in the url of the key set")]
    UrlCredentials,
    /// Not a URL with a host.
    #[error("malformed url of the key set")]
    UrlMalformed,
    /// Plain http to anywhere but loopback: whoever sits in between would choose the keys.
    #[error("the url of a key set must be https, or http on loopback")]
    UrlNotHttps,
    /// Too short to be safe (or too long to be cheap).
    #[error("{kind} key of {bits} bits; {bound}")]
    Weak {
        /// Which kind of key.
        kind: &'static str,
        /// Its size in bits.
        bits: usize,
        /// What is asked for.
        bound: &'static str,
    },
}

/// Why a [`JwtIdentity`](crate::JwtIdentity) cannot be built. The operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtConfigError {
    /// No audience was named. Tokens meant for any other service would do; say
    /// [`any_audience`](crate::JwtIdentityBuilder::any_audience) if that is what you want.
    #[error("no audience named")]
    AudienceUnset,
    /// A setting is out of its bounds.
    #[error("`{field}` must be {bound}")]
    Bound {
        /// Which setting.
        field: &'static str,
        /// What it must be.
        bound: &'static str,
    },
    /// A claim without a name.
    #[error("a claim without a name")]
    ClaimUnnamed,
    /// A claim that is different in every token of the same caller: the identity would change with
    /// each rotation and no session would ever be used again.
    #[error("claim `{claim}` changes with every token and cannot be part of an identity")]
    ClaimVolatile {
        /// Which claim.
        claim: Arc<str>,
    },
    /// The HTTP client that fetches keys could not be set up.
    #[error("the http client for key sets could not be built")]
    HttpClient,
    /// No issuer was named; say [`any_issuer`](crate::JwtIdentityBuilder::any_issuer) if that is
    /// what you want.
    #[error("no issuer named")]
    IssuerUnset,
    /// No key takes any of the algorithms that the configuration allows.
    #[error("no key takes an allowed algorithm")]
    NoAlgorithm,
    /// Besides the issuer every claim is optional: all callers without them would be one.
    #[error("an identity needs a required claim besides the issuer")]
    NoRequiredClaim,
}
