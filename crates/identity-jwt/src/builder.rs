//! How an extractor is put together.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;

use crate::{
    JwksSettings, JwtCacheSettings, JwtClaim, JwtConfigError, JwtIdentity, JwtKeys, OpaqueTokens,
    claims::{ClaimList, Rules},
    identity::Source,
    keys::{Fetcher, KeySet, Origin, RemoteKeys},
    verdicts::Verdicts,
};

/// Puts a [`JwtIdentity`] together. Made by [`JwtIdentity::builder`] and
/// [`JwtIdentity::verified_upstream`].
pub struct JwtIdentityBuilder {
    /// `None`: somebody else has verified.
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

/// Values of which a token must have one.
enum Expected {
    Unset,
    Any,
    OneOf(BTreeSet<String>),
}

impl JwtIdentityBuilder {
    pub(crate) fn new(keys: Option<JwtKeys>) -> Self {
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

    /// Accepts tokens of this issuer (`iss`, to the byte); may be given several times.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers = self.issuers.and(issuer.into());
        self
    }

    /// Accepts any issuer that the keys vouch for. Issuers still keep their subjects apart.
    #[must_use]
    pub fn any_issuer(mut self) -> Self {
        self.issuers = Expected::Any;
        self
    }

    /// Accepts tokens meant for this audience (one of `aud`); may be given several times.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences = self.audiences.and(audience.into());
        self
    }

    /// Accepts tokens meant for anybody: whoever gets hold of a token for some other service of the
    /// same issuer can use it here.
    #[must_use]
    pub fn any_audience(mut self) -> Self {
        self.audiences = Expected::Any;
        self
    }

    /// The claims that make an identity, in place of `sub`. The issuer and the tenant claim are
    /// always added. Order is irrelevant.
    ///
    /// Text, whole numbers of up to 64 bits and truth values can be used, each different from the
    /// others (`"1"` is not `1`). Lists and objects are refused: issuers write the same ones in
    /// different orders.
    #[must_use]
    pub fn claims(mut self, claims: impl IntoIterator<Item = JwtClaim>) -> Self {
        self.claims = claims.into_iter().collect();
        self
    }

    /// The claim that names the tenant; it counts where it is there. Default: `tenant_id`.
    #[must_use]
    pub fn tenant_claim(mut self, name: impl Into<Arc<str>>) -> Self {
        self.tenant_claim = Some(name.into());
        self
    }

    /// Leaves tenants out: the same subject is the same caller in all of them.
    #[must_use]
    pub fn without_tenant_claim(mut self) -> Self {
        self.tenant_claim = None;
        self
    }

    /// Accepts these algorithms only. It narrows what the keys take and never widens it. Default:
    /// whatever each key takes.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// By how much clocks may differ when `exp` and `nbf` are checked. Default: 30 seconds: hosts
    /// with a working time service differ by less than one, and each second of it is a second more
    /// for a stolen token. At most 10 minutes.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest bearer token that is looked at, in bytes. Default: 16 KiB, beyond which HTTP
    /// servers refuse the headers anyway. At most 1 MiB.
    #[must_use]
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// What becomes of bearer tokens that are no JWT. Default: [`OpaqueTokens::Ignore`].
    #[must_use]
    pub fn opaque_tokens(mut self, opaque: OpaqueTokens) -> Self {
        self.opaque = opaque;
        self
    }

    /// How verdicts are remembered. Default: [`JwtCacheSettings::default`].
    #[must_use]
    pub fn cache(mut self, settings: JwtCacheSettings) -> Self {
        self.cache = settings;
        self
    }

    /// How keys behind a URL are fetched and kept. Default: [`JwksSettings::default`].
    #[must_use]
    pub fn jwks(mut self, settings: JwksSettings) -> Self {
        self.jwks = settings;
        self
    }

    /// Fetches keys with this client: for a certificate authority or a proxy of your own. An answer
    /// from another origin than that of the URL is not taken, whatever redirects it follows.
    #[must_use]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Builds the extractor. Fetches nothing yet.
    ///
    /// # Errors
    /// - [`JwtConfigError::IssuerUnset`], [`JwtConfigError::AudienceUnset`]: not said whose tokens,
    ///   or for whom. Not asked of [`JwtIdentity::verified_upstream`].
    /// - [`JwtConfigError::ClaimVolatile`], [`JwtConfigError::ClaimUnnamed`],
    ///   [`JwtConfigError::NoRequiredClaim`]: the claims do not make an identity.
    /// - [`JwtConfigError::NoAlgorithm`]: no key takes an allowed algorithm.
    /// - [`JwtConfigError::Bound`]: a setting is out of its bounds.
    /// - [`JwtConfigError::HttpClient`]: no HTTP client could be set up.
    pub fn build(self) -> Result<JwtIdentity, JwtConfigError> {
        self.check_bounds()?;
        let trusting = self.keys.is_none();
        let mut claims = self.claims;
        claims.extend(self.tenant_claim.map(JwtClaim::optional));
        let rules = Rules {
            // Callers that somebody else has verified are never those that were verified here.
            domain: if trusting { "jwt-upstream" } else { "jwt" },
            issuers: self
                .issuers
                .settle(trusting)
                .ok_or(JwtConfigError::IssuerUnset)?,
            audiences: self
                .audiences
                .settle(trusting)
                .ok_or(JwtConfigError::AudienceUnset)?,
            leeway: self.leeway,
            claims: ClaimList::new(claims)?,
        };
        let source = match self.keys.map(|keys| keys.0) {
            None => Source::VerifiedUpstream,
            Some(Origin::Given(keys)) => {
                let keys = KeySet::new(keys, self.algorithms.as_deref());
                if keys.is_empty() {
                    return Err(JwtConfigError::NoAlgorithm);
                }
                Source::Given(keys)
            }
            Some(Origin::Url(url)) => {
                if self.algorithms.as_ref().is_some_and(Vec::is_empty) {
                    return Err(JwtConfigError::NoAlgorithm);
                }
                let fetcher = Fetcher::new(url, self.http_client, &self.jwks)?;
                let remote = RemoteKeys::new(fetcher, self.jwks, self.algorithms);
                Source::Remote(Arc::new(remote))
            }
        };
        let verdicts = Verdicts::new(self.cache);
        Ok(
            JwtIdentity::new(source, rules, verdicts)
                .with_limits(self.max_token_bytes, self.opaque),
        )
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
                self.cache.accepted_for <= MAX_MEMORY,
                "at most 365 days",
            ),
            (
                "refused_for",
                self.cache.refused_for <= MAX_MEMORY,
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

    /// What is accepted, `Some(None)` for anything; `None` if nothing was said and that will not do.
    fn settle(self, trusting: bool) -> Option<Option<BTreeSet<String>>> {
        match self {
            Self::OneOf(values) => Some(Some(values)),
            Self::Any => Some(None),
            Self::Unset => trusting.then_some(None),
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
const MAX_MEMORY: Duration = Duration::from_secs(365 * 24 * 3600);
