//! The header that platforms route the requests of a key by.

use http::{HeaderName, HeaderValue};

use super::context::Context;
use crate::{
    extend::hex,
    handler::Profile,
    types::{AffinityScope, Digest, DigestKey, PoolKey},
};

impl Context {
    /// The header that the requests of a key are routed by, where its endpoint has one. `profile` is
    /// the one that the key was made with.
    pub(crate) fn affinity(
        &self,
        key: &PoolKey,
        profile: &Profile,
    ) -> Option<(HeaderName, HeaderValue)> {
        let (name, scope) = key.endpoint().affinity()?;
        let portable = portable_digest(key, profile, scope);
        let digest = match &self.fleet {
            Some(fleet) => fleet.opaque(portable.as_bytes()),
            None => {
                let digest = self.secret.digest("affinity").field(portable.as_bytes());
                *digest.finish().as_bytes()
            }
        };
        let mut value = HeaderValue::from_str(&hex(&digest[..LENGTH])).ok()?;
        value.set_sensitive(true);
        Some((name.clone(), value))
    }
}

/// A digest of what is equal for all requests of the scope. It is guessable, and leaves the process under
/// a secret alone.
fn portable_digest(key: &PoolKey, profile: &Profile, scope: AffinityScope) -> Digest {
    let digest = DigestKey::portable().digest("affinity");
    let digest = digest.field(scope.as_str().as_bytes());
    match scope {
        AffinityScope::Key => {
            let whole = key.portable_digest(profile.name(), &profile.declared);
            digest.field(whole.as_bytes()).finish()
        }
        AffinityScope::Identity => key
            .principal()
            .digest_into(digest)
            .field(key.url().as_str().as_bytes())
            .optional(key.endpoint().gateway().map(str::as_bytes))
            .field(key.identity().digest().as_bytes())
            .finish(),
    }
}

/// Enough that no two keys collide, short enough for any platform.
const LENGTH: usize = 16;
