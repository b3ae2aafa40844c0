//! The builder of an extractor.

use std::{fmt, sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;

use super::{expected::Expected, extractor::JwtIdentity, opaque::OpaqueTokens};
use crate::{JwksSettings, JwtCacheSettings, JwtClaim, JwtKeys};

/// Builds a [`JwtIdentity`].
///
/// Start with [`JwtIdentity::builder`] or [`JwtIdentity::verified_upstream`].
pub struct JwtIdentityBuilder {
    /// `None`: the tokens were verified upstream.
    pub(super) keys: Option<JwtKeys>,
    pub(super) issuers: Expected,
    pub(super) audiences: Expected,
    pub(super) claims: Vec<JwtClaim>,
    pub(super) tenant_claim: Option<Arc<str>>,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) leeway: Duration,
    pub(super) max_token_bytes: usize,
    pub(super) opaque: OpaqueTokens,
    pub(super) cache: JwtCacheSettings,
    pub(super) jwks: JwksSettings,
    pub(super) http_client: Option<reqwest::Client>,
}

impl JwtIdentity {
    /// An extractor that verifies tokens with these keys.
    #[must_use]
    pub fn builder(keys: JwtKeys) -> JwtIdentityBuilder {
        JwtIdentityBuilder::new(Some(keys))
    }

    /// An extractor behind a verifier. **It checks no signature.**
    ///
    /// Use it only if both conditions hold. Every request with a bearer token
    /// has passed a verifier that checked the signature, the algorithm and the
    /// key of that token. Nothing between the verifier and this process lets a
    /// caller set or change the `Authorization` header. If one of them does not
    /// hold (one open port around the verifier is enough), a caller can write a
    /// token by hand and reach the sessions of any other caller.
    ///
    /// The extractor still checks the form, that a signature is present, `exp`
    /// and `nbf`, the claims of the identity, and the issuer and audience if
    /// they are set. Its identities never equal those of an extractor that
    /// verifies, even for the same claims.
    #[must_use]
    pub fn verified_upstream() -> JwtIdentityBuilder {
        JwtIdentityBuilder::new(None)
    }
}

impl JwtIdentityBuilder {
    fn new(keys: Option<JwtKeys>) -> Self {
        Self {
            keys,
            issuers: Expected::Unset,
            audiences: Expected::Unset,
            claims: vec![JwtClaim::required("sub")],
            tenant_claim: Some(Arc::from("tenant_id")),
            algorithms: None,
            leeway: DEFAULT_LEEWAY,
            max_token_bytes: DEFAULT_MAX_TOKEN_BYTES,
            opaque: OpaqueTokens::default(),
            cache: JwtCacheSettings::default(),
            jwks: JwksSettings::default(),
            http_client: None,
        }
    }

    /// Accepts tokens of this issuer. Call it again for more issuers.
    ///
    /// The value of `iss` must be equal to the byte.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers = self.issuers.and(issuer.into());
        self
    }

    /// Accepts every issuer that signs with one of the keys.
    ///
    /// The issuer is still part of the identity.
    #[must_use]
    pub fn any_issuer(mut self) -> Self {
        self.issuers = Expected::Any;
        self
    }

    /// Accepts tokens for this audience (one of `aud`).
    ///
    /// Call it again for more audiences.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences = self.audiences.and(audience.into());
        self
    }

    /// Accepts tokens for every audience.
    ///
    /// A token that the issuer made for another service is then valid here,
    /// also when that service or a thief sends it.
    #[must_use]
    pub fn any_audience(mut self) -> Self {
        self.audiences = Expected::Any;
        self
    }

    /// The claims of an identity. Default: `sub`, required.
    ///
    /// The issuer and the tenant claim are always added. The order is
    /// irrelevant. Strings, integers of up to 64 bits and booleans are usable,
    /// and differ from each other (`"1"` is not `1`). A token with a list or an
    /// object is refused, since issuers write the same one in different orders.
    #[must_use]
    pub fn claims(mut self, claims: impl IntoIterator<Item = JwtClaim>) -> Self {
        self.claims = claims.into_iter().collect();
        self
    }

    /// The claim that names the tenant. Default: `tenant_id`.
    ///
    /// It is optional: it counts if it is present.
    #[must_use]
    pub fn tenant_claim(mut self, name: impl Into<Arc<str>>) -> Self {
        self.tenant_claim = Some(name.into());
        self
    }

    /// Ignores tenants: one subject is one caller in all of them.
    #[must_use]
    pub fn without_tenant_claim(mut self) -> Self {
        self.tenant_claim = None;
        self
    }

    /// Accepts these algorithms only. Default: all that the keys support.
    ///
    /// It never adds an algorithm to a key.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// The clock difference allowed for `exp` and `nbf`. Default: 30 seconds.
    ///
    /// At most 10 minutes. Hosts with a working time service differ by less
    /// than one second, and each second of leeway is one more for a stolen
    /// token.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest bearer token in bytes. Default: 16 KiB.
    ///
    /// At most 1 MiB. Most HTTP servers refuse headers of more than 16 KiB.
    #[must_use]
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// What happens to bearer tokens that are no JWT.
    ///
    /// Default: [`OpaqueTokens::Ignore`].
    #[must_use]
    pub fn opaque_tokens(mut self, opaque: OpaqueTokens) -> Self {
        self.opaque = opaque;
        self
    }

    /// How results are cached. Default: [`JwtCacheSettings::default`].
    #[must_use]
    pub fn cache(mut self, settings: JwtCacheSettings) -> Self {
        self.cache = settings;
        self
    }

    /// How keys behind a URL are fetched and kept.
    ///
    /// Default: [`JwksSettings::default`].
    #[must_use]
    pub fn jwks(mut self, settings: JwksSettings) -> Self {
        self.jwks = settings;
        self
    }

    /// Fetches keys with this client. Default: a client of the crate.
    ///
    /// Use it for your own certificate authority or proxy. Whatever redirects
    /// the client follows, an answer from another origin than that of the URL
    /// is refused.
    #[must_use]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }
}

impl fmt::Debug for JwtIdentityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtIdentityBuilder")
            .field("keys", &self.keys)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
const DEFAULT_MAX_TOKEN_BYTES: usize = 16 * 1024;
