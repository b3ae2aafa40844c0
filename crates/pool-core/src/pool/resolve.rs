//! From a request to its key, and from a key to its bucket.

use std::sync::Arc;

use http::HeaderMap;
use moka::ops::compute::Op;
use tokio::time::{Instant, timeout_at};

use super::{
    AcquireRequest, Shared, capacity::Scarce, counters::Counters, detect::Inquiry, hub::Message,
    memo::Sight, resolved::Resolved,
};
use crate::{
    AcquireError, HandlerFactory, Identity, PoolKey, Scope, Stage,
    bucket::{Bucket, NewBucket},
    credentials::NewestHeaders,
    handler::Profile,
};

/// How long somebody is ready to wait, and since when.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) began: Instant,
    pub(crate) deadline: Instant,
}

impl Patience {
    pub(crate) fn timeout(self, stage: Stage) -> AcquireError {
        AcquireError::Timeout {
            stage,
            waited: self.began.elapsed(),
            last_cause: None,
        }
    }
}

impl Shared {
    /// What the request noted of an earlier resolution by this pool.
    pub(super) fn noted<'r>(&self, request: &'r AcquireRequest) -> Option<&'r Arc<Resolved>> {
        request
            .resolved
            .get()
            .filter(|resolved| resolved.pool == self.id)
    }

    /// What the pool remembers of an equal request; noted in the request, unless another pool has
    /// noted something there.
    pub(super) fn recalled<'r>(&self, request: &'r AcquireRequest) -> Option<&'r Arc<Resolved>> {
        let resolved = self.memo.recall(self.sight(request)?, request)?;
        request.resolved.set(resolved).ok()?;
        self.noted(request)
    }

    /// A look at a request, where its identity follows from what is seen.
    fn sight(&self, request: &AcquireRequest) -> Option<Sight> {
        let is_pure = self.identification.is_pure();
        is_pure.then(|| self.memo.look(request))
    }

    /// Works out the key of a request and finds or makes its bucket.
    ///
    /// # Errors
    /// As [`SessionPool::acquire`](crate::SessionPool::acquire), but for connecting.
    pub(super) async fn resolve(
        &self,
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<Arc<Resolved>, AcquireError> {
        if let Some(resolved) = self.noted(request) {
            return Ok(Arc::clone(resolved));
        }
        let sight = self.sight(request);
        if let Some(resolved) = sight.and_then(|sight| self.memo.recall(sight, request)) {
            let _ = request.resolved.set(Arc::clone(&resolved));
            return Ok(resolved);
        }
        let mut resolved = self.work_out(request, patience).await?;
        resolved.known = sight.map(|sight| self.memo.known(sight, request));
        let resolved = Arc::new(resolved);
        let _ = request.resolved.set(Arc::clone(&resolved));
        if let Some(sight) = sight {
            self.memo.learn(sight, Arc::clone(&resolved));
        }
        Ok(resolved)
    }

    async fn work_out(
        &self,
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<Resolved, AcquireError> {
        if self.hub.is_closed() {
            return Err(AcquireError::Closed);
        }
        let endpoint = &request.endpoint;
        if request.scope == Scope::Shared && !endpoint.is_declared_stateless_and_public() {
            return Err(AcquireError::NotShareable);
        }
        let identity = self.identify(request, patience).await?;
        let profile = self.profile(request.handlers.as_ref());
        let key = PoolKey::new(
            &self.hub.secret,
            &request.principal,
            endpoint,
            &identity,
            &request.scope,
            &profile,
        );
        let headers = &request.headers;
        if !endpoint.is_auto() {
            let bucket = self.bucket(&key, &profile, headers, patience).await?;
            return Ok(Resolved::new(self.id, bucket, None));
        }
        let inquiry = Inquiry {
            key,
            profile,
            headers: Arc::clone(headers),
        };
        let verdict = self.verdicts.of(endpoint);
        let finding = self.find_out(&verdict, &inquiry, patience).await?;
        self.resolved_over(&inquiry, (&verdict, finding), patience)
            .await
    }

    async fn identify(
        &self,
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<Identity, AcquireError> {
        let counters = &self.hub.counters;
        let identify = self.identification.identify(&request.headers, counters);
        let identity = timeout_at(patience.deadline, identify)
            .await
            .map_err(|_| patience.timeout(Stage::Identity))?
            .map_err(|error| AcquireError::Identity(Arc::new(error)))?;
        if identity.is_anonymous() {
            Counters::add(&counters.anonymous);
        }
        Ok(identity)
    }

    fn profile(&self, own: Option<&Arc<dyn HandlerFactory>>) -> Profile {
        own.map_or_else(|| self.profile.clone(), |own| Profile::new(Arc::clone(own)))
    }

    /// The bucket of a key, made if need be.
    pub(super) async fn bucket(
        &self,
        key: &PoolKey,
        profile: &Profile,
        headers: &Arc<HeaderMap>,
        patience: Patience,
    ) -> Result<Arc<Bucket>, AcquireError> {
        if let Some(bucket) = self
            .buckets
            .get(key)
            .filter(|bucket| !bucket.slots.is_dead())
        {
            return Ok(bucket);
        }
        let place = match self.hub.capacity.try_place(Scarce::Keys) {
            Some(place) => place,
            None => {
                let _waiting = self.hub.capacity.wait();
                self.hub.tell(Message::Room);
                timeout_at(patience.deadline, self.hub.capacity.place(Scarce::Keys))
                    .await
                    .map_err(|_| patience.timeout(Stage::Capacity))?
            }
        };
        let new = NewBucket {
            key: key.clone(),
            profile: profile.clone(),
            upstream: self.upstreams.of(key.endpoint()),
            newest: NewestHeaders::new(Arc::clone(headers)),
            place,
        };
        let make = || Arc::new(Bucket::new(new, Arc::clone(&self.hub)));
        let entry = self
            .buckets
            .entry_by_ref(key)
            .or_insert_with_if(make, |old| old.slots.is_dead());
        let bucket = Arc::clone(entry.value());
        if entry.is_fresh() {
            self.watch_new(&bucket);
        }
        Ok(bucket)
    }

    /// Finds or makes the successor of a bucket that was forgotten, for a request that still points
    /// at it.
    ///
    /// # Errors
    /// [`AcquireError::Closed`], or [`AcquireError::Timeout`] for want of room.
    pub(super) async fn successor(
        &self,
        resolved: &Resolved,
        headers: &Arc<HeaderMap>,
        patience: Patience,
    ) -> Result<(), AcquireError> {
        if self.hub.is_closed() {
            return Err(AcquireError::Closed);
        }
        let bucket = self
            .bucket(&resolved.key, &resolved.profile, headers, patience)
            .await?;
        resolved.move_to(&bucket);
        Ok(())
    }

    /// Takes a forgotten bucket out of the map, unless another one has its key by now.
    pub(super) fn forget(&self, bucket: &Arc<Bucket>) {
        bucket.give_up_place();
        let _ = self
            .buckets
            .entry_by_ref(&bucket.key)
            .and_compute_with(|entry| match entry {
                Some(entry) if Arc::ptr_eq(entry.value(), bucket) => Op::Remove,
                _ => Op::Nop,
            });
    }

    fn watch_new(&self, bucket: &Arc<Bucket>) {
        let config = &self.hub.config;
        let first_look = crate::expiry::after(
            Instant::now(),
            config.idle_pool_eviction.min(config.session_ttl),
        );
        self.hub.watch(bucket, first_look);
        self.hub.observe(|observer, pool| {
            observer.key_created(&crate::KeyCreated {
                pool,
                key: &bucket.key,
            });
        });
    }
}
