//! From a request to its key, and from a key to its pool.

use std::sync::Arc;

use super::{
    identify::Identification,
    key_cache::{KeyCache, RequestHash},
    key_factory::KeyFactory,
    request::AcquireRequest,
    request_parts::RequestParts,
    resolved::{Resolved, Route},
};
use crate::{
    context::{Context, Counters},
    detect::{DetectedTransport, Detector, Requester},
    error::{AcquireError, Stage, within},
    extend::Credential,
    handler::Profile,
    time::{Deadline, Timestamp},
    types::{Identity, KeyParts, PoolKey, Scope, TransportKind},
};

/// Resolves requests.
pub(crate) struct Resolver {
    /// The number of the pool, which a request remembers with its resolution.
    pool: u64,
    context: Arc<Context>,
    pub(crate) keys: KeyFactory,
    detector: Arc<Detector>,
    cache: KeyCache,
    identification: Identification,
    /// What the handlers of the pool declare.
    profile: Profile,
}

/// What a resolver is made of.
pub(crate) struct ResolverParts {
    pub(crate) pool: u64,
    pub(crate) context: Arc<Context>,
    pub(crate) keys: KeyFactory,
    pub(crate) detector: Arc<Detector>,
    pub(crate) identification: Identification,
    pub(crate) profile: Profile,
}

/// A request over its detected transport.
pub(crate) struct Routed<'r> {
    pub(crate) resolved: &'r Resolved,
    pub(crate) detected: DetectedTransport,
}

impl Resolver {
    pub(crate) fn new(parts: ResolverParts) -> Self {
        Self {
            pool: parts.pool,
            context: parts.context,
            keys: parts.keys,
            detector: parts.detector,
            cache: KeyCache::new(parts.identification.headers.names().to_vec()),
            identification: parts.identification,
            profile: parts.profile,
        }
    }

    /// The resolution that the request remembers, or that of an equal request. Does no I/O.
    #[inline]
    pub(crate) fn cached<'r>(&self, request: &'r AcquireRequest) -> Option<&'r Arc<Resolved>> {
        self.remembered(request)
            .or_else(|| self.cached_equal(request))
    }

    #[inline]
    fn remembered<'r>(&self, request: &'r AcquireRequest) -> Option<&'r Arc<Resolved>> {
        let resolved = request.resolved.get();
        resolved.filter(|resolved| resolved.pool == self.pool)
    }

    /// Remembers in the request what it finds, unless the request remembers another pool.
    fn cached_equal<'r>(&self, request: &'r AcquireRequest) -> Option<&'r Arc<Resolved>> {
        let hash = self.hash(&request.parts)?;
        let resolved = self.cache.get(hash, &request.parts)?;
        request.resolved.set(resolved).ok()?;
        self.remembered(request)
    }

    /// The hash of a request whose identity follows from its headers alone.
    fn hash(&self, parts: &RequestParts) -> Option<RequestHash> {
        let is_cached = self.identification.is_pure() && parts.identity.is_none();
        is_cached.then(|| self.cache.hash(parts))
    }

    /// Resolves a request: identifies the caller, builds the key and finds or creates its pool.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire), but for connecting.
    pub(crate) async fn resolve(
        &self,
        request: &AcquireRequest,
        deadline: Deadline,
    ) -> Result<Arc<Resolved>, AcquireError> {
        if let Some(resolved) = self.remembered(request) {
            return Ok(Arc::clone(resolved));
        }
        let parts = &request.parts;
        let hash = self.hash(parts);
        if let Some(resolved) = hash.and_then(|hash| self.cache.get(hash, parts)) {
            let _ = request.resolved.set(Arc::clone(&resolved));
            return Ok(resolved);
        }
        let resolved = Arc::new(self.resolve_anew(parts, deadline).await?);
        let _ = request.resolved.set(Arc::clone(&resolved));
        if let Some(hash) = hash {
            self.cache.insert(hash, parts, Arc::clone(&resolved));
        }
        Ok(resolved)
    }

    async fn resolve_anew(
        &self,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<Resolved, AcquireError> {
        if self.context.is_closed() {
            return Err(AcquireError::Closed);
        }
        self.context.connectors.check_scheme(&parts.endpoint)?;
        let profile = self.profile(parts)?;
        let identity = self.identify(parts, deadline).await?;
        let key_parts = KeyParts {
            principal: &parts.principal,
            endpoint: &parts.endpoint,
            identity: &identity,
            scope: &parts.scope,
            profile: profile.name(),
            declared: &profile.declared,
        };
        let key = PoolKey::new(&self.context.secret, &key_parts);
        let ends_at = self.credential_end(&key);
        let credential = parts.credential(ends_at);
        if !parts.endpoint.is_auto() {
            let pool = self
                .keys
                .get_or_create(&key, &profile, &credential, deadline)
                .await?;
            return Ok(Resolved::new(self.pool, pool, ends_at, None));
        }
        let requester = Requester {
            key,
            profile,
            credential,
            deadline: deadline.at,
        };
        let known = self.detector.of(&parts.endpoint);
        let detected = self.detector.detect(&known, &requester, deadline).await?;
        self.resolve_over(&requester, Route::new(known, detected), deadline)
            .await
    }

    /// What the handlers of a request declare, if its scope allows that.
    fn profile(&self, parts: &RequestParts) -> Result<Profile, AcquireError> {
        let profile = match &parts.handlers {
            Some(handlers) => Profile::new(Arc::clone(handlers)),
            None => self.profile.clone(),
        };
        if parts.scope != Scope::Shared {
            return Ok(profile);
        }
        if !parts.endpoint.is_declared_stateless_and_public() {
            return Err(AcquireError::NotShareable);
        }
        match profile.needs_caller() {
            Some(capability) => Err(AcquireError::NoCaller(capability)),
            None => Ok(profile),
        }
    }

    async fn identify(
        &self,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<Identity, AcquireError> {
        let counters = &self.context.counters;
        let identify = self.identification.identify(parts, counters);
        let identity = within(deadline, Stage::Identity, identify)
            .await?
            .map_err(|error| AcquireError::Identity(Arc::new(error)))?;
        if identity.is_anonymous() {
            Counters::add(&counters.anonymous);
        }
        Ok(identity)
    }

    /// When the credential behind a key ends, as far as the sessions of the key are concerned.
    fn credential_end(&self, key: &PoolKey) -> Timestamp {
        match key.identity().expires_at() {
            Some(at) if !self.context.credentials.renews() => self.context.clock.timestamp(at),
            _ => Timestamp::NEVER,
        }
    }

    /// The key of a request; where its transport is detected, over the current one.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub(crate) async fn key(
        &self,
        resolved: &Resolved,
        parts: &RequestParts,
        deadline: Deadline,
    ) -> Result<PoolKey, AcquireError> {
        let Some(route) = &resolved.route else {
            return Ok(resolved.key().clone());
        };
        let credential = parts.credential(resolved.ends_at);
        let routed = self.route(resolved, route, &credential, deadline).await?;
        Ok(routed.resolved.key().clone())
    }

    /// The request over the current transport, detected and resolved if need be.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub(crate) async fn route<'r>(
        &self,
        root: &'r Resolved,
        route: &'r Route,
        credential: &Credential,
        deadline: Deadline,
    ) -> Result<Routed<'r>, AcquireError> {
        let requester = Requester {
            key: root.key().clone(),
            profile: root.profile().clone(),
            credential: credential.clone(),
            deadline: deadline.at,
        };
        loop {
            let detected = self
                .detector
                .detect(&route.known, &requester, deadline)
                .await?;
            if let Some(resolved) = root.over(detected) {
                return Ok(Routed { resolved, detected });
            }
            let other = Route::new(Arc::clone(&route.known), detected);
            root.add(self.resolve_over(&requester, other, deadline).await?);
        }
    }

    async fn resolve_over(
        &self,
        requester: &Requester,
        route: Route,
        deadline: Deadline,
    ) -> Result<Resolved, AcquireError> {
        let kind = self.context.connectors.kind_at(route.position);
        let kind = kind.ok_or(AcquireError::NoConnector(TransportKind::AUTO))?;
        let (profile, secret) = (&requester.profile, &self.context.secret);
        let key = requester
            .key
            .over(kind, secret, profile.name(), &profile.declared);
        let credential = &requester.credential;
        let pool = self
            .keys
            .get_or_create(&key, profile, credential, deadline)
            .await?;
        Ok(Resolved::new(
            self.pool,
            pool,
            credential.ends_at,
            Some(route),
        ))
    }

    /// Finds or creates the successor of a key pool that was removed, for a request that still
    /// points at it.
    ///
    /// # Errors
    /// [`AcquireError::Closed`], or [`AcquireError::Timeout`] for want of capacity.
    pub(crate) async fn replace_removed(
        &self,
        resolved: &Resolved,
        credential: &Credential,
        deadline: Deadline,
    ) -> Result<(), AcquireError> {
        if self.context.is_closed() {
            return Err(AcquireError::Closed);
        }
        let pool = self
            .keys
            .get_or_create(resolved.key(), resolved.profile(), credential, deadline)
            .await?;
        resolved.set_key_pool(pool);
        Ok(())
    }
}
