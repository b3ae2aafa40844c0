//! The checks of a builder, and the extractor that it builds.

use std::{sync::Arc, time::Duration};

use super::{
    builder::JwtIdentityBuilder,
    expected::Unset,
    extractor::{JwtIdentity, Verifier},
};
use crate::{
    JwtClaim, JwtConfigError,
    claims::{ClaimList, Rules},
    keys::{Fetcher, KeySet, KeySource, RemoteKeys},
    token_cache::TokenCache,
};

impl JwtIdentityBuilder {
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

const MAX_LEEWAY: Duration = Duration::from_secs(600);
const MAX_TOKEN_BYTES: usize = 1 << 20;
const MAX_CACHE_TIME: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JwtKeys;

    type Change = fn(&mut JwtIdentityBuilder);

    fn built(change: Change) -> Result<(), JwtConfigError> {
        let keys = JwtKeys::secret([7; 32]).unwrap();
        let mut builder = JwtIdentity::builder(keys).any_issuer().any_audience();
        change(&mut builder);
        builder.build().map(|_| ())
    }

    #[test]
    fn a_setting_is_accepted_up_to_its_bound_and_not_beyond() {
        let cases: [(_, Change, Change); 8] = [
            (
                "leeway",
                |new| new.leeway = MAX_LEEWAY,
                |new| new.leeway = MAX_LEEWAY + TICK,
            ),
            (
                "max_token_bytes",
                |new| new.max_token_bytes = 1,
                |new| new.max_token_bytes = 0,
            ),
            (
                "max_token_bytes",
                |new| new.max_token_bytes = MAX_TOKEN_BYTES,
                |new| new.max_token_bytes = MAX_TOKEN_BYTES + 1,
            ),
            (
                "refresh_every",
                |new| new.jwks.refresh_every = SECOND,
                |new| new.jwks.refresh_every = SECOND - TICK,
            ),
            (
                "timeout",
                |new| new.jwks.timeout = TICK,
                |new| new.jwks.timeout = Duration::ZERO,
            ),
            (
                "max_bytes",
                |new| new.jwks.max_bytes = 1,
                |new| new.jwks.max_bytes = 0,
            ),
            (
                "accepted_for",
                |new| new.cache.accepted_for = MAX_CACHE_TIME,
                |new| new.cache.accepted_for = MAX_CACHE_TIME + TICK,
            ),
            (
                "refused_for",
                |new| new.cache.refused_for = MAX_CACHE_TIME,
                |new| new.cache.refused_for = MAX_CACHE_TIME + TICK,
            ),
        ];
        for (name, at_bound, beyond) in cases {
            assert_eq!(built(at_bound), Ok(()), "{name}");
            let refused = built(beyond);
            assert!(
                matches!(refused, Err(JwtConfigError::Bound { field, .. }) if field == name),
                "{name}: {refused:?}"
            );
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_nanos(1);
}
