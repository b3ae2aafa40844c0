//! The builder of an extractor.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;

use crate::{
    JwksSettings, JwtCacheSettings, JwtClaim, JwtConfigError, JwtIdentity, JwtKeys, OpaqueTokens,
    claims::{ClaimList, Rules},
    identity::Verifier,
    keys::{Fetcher, KeySet, KeySource, RemoteKeys},
    token_cache::TokenCache,
};

/// Builds a [`JwtIdentity`].
///
/// Start with [`JwtIdentity::builder`] or [`JwtIdentity::verified_upstream`].
pub struct JwtIdentityBuilder {
    /// `None`: the tokens were verified upstream.
    keys: Option<JwtKeys>,
    issuers: Expected,
    audiences: Expected,
    claims: Vec<JwtClaim>,
    tenant_claim: Option<Arc<str>>,
    algorithms: Option<Vec<Algorithm>>,
    leeway: Duration,
    max_token_bytes: usize,
    opaque: OpaqueTokens,
    cache: JwtCacheSettings,
    jwks: JwksSettings,
    http_client: Option<reqwest::Client>,
}

/// The values that a claim of a token may have.
enum Expected {
    Unset,
    Any,
    OneOf(BTreeSet<String>),
}

/// A value that must be set is not set.
struct Unset;

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

    /// Builds the extractor. It fetches no keys yet.
    ///
    /// # Errors
    /// - [`JwtConfigError::IssuerUnset`], [`JwtConfigError::AudienceUnset`]: no issuer or no audience
    ///   is set. [`JwtIdentity::verified_upstream`] does not require them.
    /// - [`JwtConfigError::ClaimVolatile`], [`JwtConfigError::ClaimUnnamed`],
    ///   [`JwtConfigError::NoRequiredClaim`]: the claims cannot make an identity.
    /// - [`JwtConfigError::NoAlgorithm`]: no key supports an allowed algorithm.
    /// - [`JwtConfigError::Bound`]: a setting is out of its bounds.
    /// - [`JwtConfigError::HttpClient`]: the HTTP client could not be built.
    pub fn build(self) -> Result<JwtIdentity, JwtConfigError> {
        self.check_bounds()?;
        let upstream = self.keys.is_none();
        let mut claims = self.claims;
        claims.extend(self.tenant_claim.map(JwtClaim::optional));
        let rules = Rules {
            // A caller verified upstream never equals a caller verified here.
            domain: if upstream { "jwt-upstream" } else { "jwt" },
            issuers: self
                .issuers
                .into_values(upstream)
                .map_err(|Unset| JwtConfigError::IssuerUnset)?,
            audiences: self
                .audiences
                .into_values(upstream)
                .map_err(|Unset| JwtConfigError::AudienceUnset)?,
            leeway: self.leeway,
            claims: ClaimList::new(claims)?,
        };
        let verifier = match self.keys.map(|keys| keys.0) {
            None => Verifier::Upstream,
            Some(KeySource::Given(keys)) => {
                let keys = KeySet::new(keys, self.algorithms.as_deref());
                if keys.is_empty() {
                    return Err(JwtConfigError::NoAlgorithm);
                }
                Verifier::Given(keys)
            }
            Some(KeySource::Url(url)) => {
                if self.algorithms.as_ref().is_some_and(Vec::is_empty) {
                    return Err(JwtConfigError::NoAlgorithm);
                }
                let fetcher = Fetcher::new(url, self.http_client, &self.jwks)?;
                let remote = RemoteKeys::new(fetcher, self.jwks, self.algorithms);
                Verifier::Remote(Arc::new(remote))
            }
        };
        let cache = TokenCache::new(self.cache);
        Ok(JwtIdentity::new(verifier, rules, cache).with_limits(self.max_token_bytes, self.opaque))
    }

    fn check_bounds(&self) -> Result<(), JwtConfigError> {
        let second = Duration::from_secs(1);
        let checks = [
            ("leeway", self.leeway <= MAX_LEEWAY, "at most 10 minutes"),
            (
                "max_token_bytes",
                (1..=MAX_TOKEN_BYTES).contains(&self.max_token_bytes),
                "from 1 to 1048576",
            ),
            (
                "refresh_every",
                self.jwks.refresh_every >= second,
                "at least 1 second",
            ),
            ("timeout", !self.jwks.timeout.is_zero(), "more than zero"),
            ("max_bytes", self.jwks.max_bytes > 0, "more than zero"),
            (
                "accepted_for",
                self.cache.accepted_for <= MAX_CACHE_TIME,
                "at most 365 days",
            ),
            (
                "refused_for",
                self.cache.refused_for <= MAX_CACHE_TIME,
                "at most 365 days",
            ),
        ];
        match checks.into_iter().find(|(_, holds, _)| !holds) {
            Some((field, _, bound)) => Err(JwtConfigError::Bound { field, bound }),
            None => Ok(()),
        }
    }
}

impl Expected {
    fn and(self, value: String) -> Self {
        let mut values = match self {
            Self::OneOf(values) => values,
            Self::Unset | Self::Any => BTreeSet::new(),
        };
        values.insert(value);
        Self::OneOf(values)
    }

    /// The accepted values, `None` for any. [`Unset`] if there are none and
    /// `is_optional` is false.
    fn into_values(self, is_optional: bool) -> Result<Option<BTreeSet<String>>, Unset> {
        match self {
            Self::OneOf(values) => Ok(Some(values)),
            Self::Any => Ok(None),
            Self::Unset if is_optional => Ok(None),
            Self::Unset => Err(Unset),
        }
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
const MAX_LEEWAY: Duration = Duration::from_secs(600);
const DEFAULT_MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_TOKEN_BYTES: usize = 1 << 20;
const MAX_CACHE_TIME: Duration = Duration::from_secs(365 * 24 * 3600);
