//! Which requests may share a session.

use std::{fmt, sync::Arc};

use url::Url;

use crate::{
    Endpoint, Principal, Scope, TransportKind,
    digest::{Digest, DigestKey},
    extend::{Fingerprint, Identity},
    handler::Profile,
};

/// Which requests may share a session: principal, endpoint, identity, scope and what the client
/// declares. Two requests share one only if all five are equal.
///
/// One digest, keyed by the pool, stands for all of them and is what keys are compared by; the
/// parts can be read back through accessors. Cheap to clone.
#[derive(Clone)]
pub struct PoolKey(Arc<Parts>);

struct Parts {
    digest: Digest,
    principal: Principal,
    endpoint: Endpoint,
    identity: Identity,
    scope: Scope,
}

impl PoolKey {
    pub(crate) fn new(
        secret: &DigestKey,
        principal: &Principal,
        endpoint: &Endpoint,
        identity: &Identity,
        scope: &Scope,
        profile: &Profile,
    ) -> Self {
        // A shared session belongs to nobody: who asks for it is no part of its key.
        let (principal, identity) = match scope {
            Scope::Shared => (Principal::anonymous(), Identity::anonymous()),
            _ => (principal.clone(), identity.clone()),
        };
        let digest = secret.digest("pool-key");
        let digest = principal.digest_into(digest);
        let digest = digest
            .field(endpoint.url().as_str().as_bytes())
            .field(endpoint.transport().as_str().as_bytes())
            .optional(endpoint.gateway().map(str::as_bytes))
            .field(endpoint.lifecycle().as_str().as_bytes())
            .field(identity.digest().as_bytes());
        let digest = scope.digest_into(digest);
        let digest = digest
            .field(profile.factory.profile().as_bytes())
            .field(&profile.declared);
        Self(Arc::new(Parts {
            digest: digest.finish(),
            principal,
            endpoint: endpoint.clone(),
            identity,
            scope: scope.clone(),
        }))
    }

    /// The key of the same callers over another transport. `profile` is the one it was made with.
    pub(crate) fn over(
        &self,
        transport: &TransportKind,
        secret: &DigestKey,
        profile: &Profile,
    ) -> Self {
        let endpoint = self.endpoint().clone().over(transport);
        Self::new(
            secret,
            self.principal(),
            &endpoint,
            self.identity(),
            self.scope(),
            profile,
        )
    }

    /// Whom the gateway serves; anonymous under [`Scope::Shared`].
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

impl std::hash::Hash for PoolKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
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
