//! Which requests may share a session.

use std::{
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    sync::Arc,
};

use url::Url;

use super::{
    digest::{Digest, DigestKey, Fingerprint},
    endpoint::Endpoint,
    identity::Identity,
    principal::Principal,
    scope::Scope,
    transport_kind::TransportKind,
};

/// Which requests may share a session: principal, endpoint, identity, scope and what the client
/// declares. Two requests share one only if all five are equal.
///
/// One digest, keyed by the pool, stands for all of them and is what keys are compared by; the
/// parts can be read back through accessors. Cheap to clone.
#[derive(Clone)]
pub struct PoolKey(Arc<Inner>);

struct Inner {
    digest: Digest,
    principal: Principal,
    endpoint: Endpoint,
    identity: Identity,
    scope: Scope,
}

/// What a key is made of.
pub(crate) struct KeyParts<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) identity: &'a Identity,
    pub(crate) scope: &'a Scope,
    /// The name of the client's handlers.
    pub(crate) profile: &'a str,
    /// The capabilities that the client declares, as canonical JSON.
    pub(crate) declared: &'a [u8],
}

impl KeyParts<'_> {
    fn digest(&self, secret: &DigestKey) -> Digest {
        let endpoint = self.endpoint;
        let digest = secret.digest("pool-key");
        let digest = self.principal.digest_into(digest);
        let digest = digest
            .field(endpoint.url().as_str().as_bytes())
            .field(endpoint.transport().as_str().as_bytes())
            .optional(endpoint.gateway().map(str::as_bytes))
            .field(endpoint.lifecycle().as_str().as_bytes())
            .optional(endpoint.client().map(str::as_bytes))
            .field(self.identity.digest().as_bytes());
        let digest = self.scope.digest_into(digest);
        let digest = digest.field(self.profile.as_bytes()).field(self.declared);
        digest.finish()
    }
}

impl PoolKey {
    pub(crate) fn new(secret: &DigestKey, parts: &KeyParts<'_>) -> Self {
        // A shared session has no owner: the caller who requests it is no part of its key.
        let (principal, identity) = match parts.scope {
            Scope::Shared => (Principal::anonymous(), Identity::anonymous()),
            _ => (parts.principal.clone(), parts.identity.clone()),
        };
        let owned = KeyParts {
            principal: &principal,
            identity: &identity,
            ..*parts
        };
        Self(Arc::new(Inner {
            digest: owned.digest(secret),
            endpoint: parts.endpoint.clone(),
            scope: parts.scope.clone(),
            principal,
            identity,
        }))
    }

    /// A digest of all parts that is equal in every process. `profile` and `declared` are those that
    /// the key was made with.
    pub(crate) fn portable_digest(&self, profile: &str, declared: &[u8]) -> Digest {
        let parts = KeyParts {
            principal: self.principal(),
            endpoint: self.endpoint(),
            identity: self.identity(),
            scope: self.scope(),
            profile,
            declared,
        };
        parts.digest(DigestKey::portable())
    }

    /// The key of the same caller over another transport. `profile` and `declared` are those that
    /// the key was made with.
    pub(crate) fn over(
        &self,
        transport: &TransportKind,
        secret: &DigestKey,
        profile: &str,
        declared: &[u8],
    ) -> Self {
        let endpoint = self.endpoint().clone().over(transport);
        let parts = KeyParts {
            principal: self.principal(),
            endpoint: &endpoint,
            identity: self.identity(),
            scope: self.scope(),
            profile,
            declared,
        };
        Self::new(secret, &parts)
    }

    /// The principal; anonymous under [`Scope::Shared`].
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The upstream.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The upstream's canonical URL. Its query may be secret.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.0.endpoint.url()
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &TransportKind {
        self.0.endpoint.transport()
    }

    /// What the upstream sees of the caller; anonymous under [`Scope::Shared`].
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// How widely the sessions may be shared.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// A short name for logs, meaningless outside of this pool.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.digest.fingerprint()
    }
}

impl PartialEq for PoolKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for PoolKey {}

impl Hash for PoolKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.digest.short());
    }
}

impl fmt::Debug for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKey")
            .field("fingerprint", &self.fingerprint())
            .field("endpoint", self.endpoint())
            .field("scope", &self.scope().as_str())
            .finish_non_exhaustive()
    }
}

/// For keys that are hashes already.
#[derive(Clone, Copy, Default)]
pub(crate) struct PrehashedState;

/// Passes the hash through.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prehashed(u64);

impl BuildHasher for PrehashedState {
    type Hasher = Prehashed;

    fn build_hasher(&self) -> Prehashed {
        Prehashed::default()
    }
}

impl Hasher for Prehashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
