//! From a request to its key, and from a key to its bucket.

use std::sync::Arc;

use moka::ops::compute::Op;
use tokio::time::{Instant, timeout_at};

use super::{
    AcquireRequest, Shared, counters::Counters, detect::Inquiry, limit::Place, memo::Sight,
    patience::Patience, resolved::Resolved,
};
use crate::{
    PoolKey, Scope,
    bucket::{Bucket, NewBucket},
    credentials::Credential,
    error::{AcquireError, Stage},
    extend::{HandlerFactory, Identity},
    handler::Profile,
    moment::Moment,
};

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
        let profile = self.profile(request.handlers.as_ref());
        if request.scope == Scope::Shared
            && let Some(capability) = profile.needs_caller()
        {
            return Err(AcquireError::NobodyToAnswer(capability));
        }
        let identity = self.identify(request, patience).await?;
        let key = PoolKey::new(
            &self.hub.secret,
            &request.principal,
            endpoint,
            &identity,
            &request.scope,
            &profile,
        );
        let ends_at = self.end_of_credential(&key);
        let credential = request.credential(ends_at);
        if !endpoint.is_auto() {
            let bucket = self.bucket(&key, &profile, credential, patience).await?;
            return Ok(Resolved::new(self.id, (bucket, ends_at), None));
        }
        let inquiry = Inquiry {
            key,
            profile,
            credential,
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

    /// When the credential behind a key ends, as far as the key's sessions are concerned.
    fn end_of_credential(&self, key: &PoolKey) -> Moment {
        match key.identity().expires_at() {
            Some(at) if !self.hub.credentials.renews() => self.hub.clock.moment(at),
            _ => Moment::NEVER,
        }
    }

    /// The bucket of a key, made if need be.
    pub(super) async fn bucket(
        &self,
        key: &PoolKey,
        profile: &Profile,
        credential: Credential,
        patience: Patience,
    ) -> Result<Arc<Bucket>, AcquireError> {
        loop {
            if let Some(bucket) = self.living(key) {
                let now = self.hub.clock.now();
                bucket.note_credential(&credential.headers, credential.ends_at, now);
                return Ok(bucket);
            }
            if self.hub.is_closed() {
                return Err(AcquireError::Closed);
            }
            // Sent away: somebody else has made the key, or the pool is closed.
            if let Some(place) = self.place_for(key, patience).await? {
                return Ok(self.make(key, profile, credential, place));
            }
        }
    }

    fn living(&self, key: &PoolKey) -> Option<Arc<Bucket>> {
        let bucket = self.buckets.get(key)?;
        (!bucket.slots.is_dead()).then_some(bucket)
    }

    /// A place under `max_total_keys`; `None` for whoever is sent away without one.
    async fn place_for(
        &self,
        key: &PoolKey,
        patience: Patience,
    ) -> Result<Option<Place>, AcquireError> {
        let (buckets, key) = (self.buckets.clone(), key.clone());
        let is_dead = |bucket: Arc<Bucket>| bucket.slots.is_dead();
        let still_wanted = Arc::new(move || buckets.get(&key).is_none_or(is_dead));
        let line = match self.hub.capacity.keys.ask(still_wanted) {
            Ok(place) => return Ok(Some(place)),
            Err(line) => line,
        };
        self.hub.want_room();
        timeout_at(patience.deadline, line.stand())
            .await
            .map_err(|_| patience.timeout(Stage::Capacity))
    }

    /// Makes the bucket of a key, unless somebody else has made it meanwhile.
    fn make(
        &self,
        key: &PoolKey,
        profile: &Profile,
        credential: Credential,
        place: Place,
    ) -> Arc<Bucket> {
        let new = NewBucket {
            key: key.clone(),
            profile: profile.clone(),
            upstream: self.upstreams.of(key.endpoint()),
            credential: credential.clone(),
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
            // Others who wait for a place for the same key need none any more.
            self.hub.look_for_room(&bucket);
        } else {
            let now = self.hub.clock.now();
            bucket.note_credential(&credential.headers, credential.ends_at, now);
        }
        bucket
    }

    /// Finds or makes the successor of a bucket that was forgotten, for a request that still points
    /// at it.
    ///
    /// # Errors
    /// [`AcquireError::Closed`], or [`AcquireError::Timeout`] for want of room.
    pub(super) async fn successor(
        &self,
        resolved: &Resolved,
        credential: Credential,
        patience: Patience,
    ) -> Result<(), AcquireError> {
        if self.hub.is_closed() {
            return Err(AcquireError::Closed);
        }
        let bucket = self
            .bucket(&resolved.key, &resolved.profile, credential, patience)
            .await?;
        resolved.move_to(&bucket);
        Ok(())
    }

    /// Takes a forgotten bucket out of the map, unless another one has its key by now.
    pub(super) fn forget(&self, bucket: &Arc<Bucket>) {
        let _ = self
            .buckets
            .entry_by_ref(&bucket.key)
            .and_compute_with(|entry| match entry {
                Some(entry) if Arc::ptr_eq(entry.value(), bucket) => Op::Remove,
                _ => Op::Nop,
            });
        bucket.give_up_place();
    }

    fn watch_new(&self, bucket: &Arc<Bucket>) {
        let config = &self.hub.config;
        let first_look = crate::expiry::after(
            Instant::now(),
            config
                .timeouts
                .idle_pool_eviction
                .min(config.timeouts.session_ttl),
        );
        self.hub.watch(bucket, first_look);
        bucket.watch_credential();
        self.hub.observe(|observer, pool| {
            observer.key_created(&crate::event::KeyCreated {
                pool,
                key: &bucket.key,
            });
        });
    }
}
